import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { idOf } from '../../../src/graphql/documents/read-documents.ts';
import { runCli, useFolder } from '../support.ts';

/** There is nothing: whatever needs a database fails. */
const NOWHERE = 'postgres://nobody@127.0.0.1:1/nothing';
const newFolder = useFolder();

describe('cli documents', () => {
  it('gives each operation of a folder its id and writes the file that servers take', async () => {
    const folder = await newFolder();
    await writeFile(join(folder, 'names.graphql'), 'query Names { projections { ...Name } }');
    await writeFile(join(folder, 'name.graphql'), 'fragment Name on ProjectionStatus { name }');
    const file = join(folder, 'documents.json');
    const { code, stdout, stderr } = await runCli(NOWHERE, ['documents', folder, '--write', file]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: `Written to ${file}: 1 documents.\n` });
    const written = JSON.parse(await readFile(file, 'utf8')) as Record<string, string>;
    const [[id, text]] = Object.entries(written) as [[string, string]];
    expect(id).toBe(idOf(text));
    expect(stdout).toBe(`${id} Names\n`);
    expect((await runCli(NOWHERE, ['documents', file])).stdout).toBe(stdout);
  });

  it('says what the schema does not answer, and writes nothing', async () => {
    const folder = await newFolder();
    await writeFile(join(folder, 'bad.graphql'), 'query Bad { projections { weight } }');
    const file = join(folder, 'documents.json');
    const { code, stderr } = await runCli(NOWHERE, ['documents', folder, '--write', file]);
    expect(code).toBe(1);
    expect(stderr).toMatch(/BAD_DOCUMENTS.*weight.*bad\.graphql/);
    await expect(readFile(file)).rejects.toThrow('ENOENT');
  });
});
