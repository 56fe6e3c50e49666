import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readRecords } from '../../../../src/shop/import/file/records.ts';
import { useFolder } from '../../../cli/support.ts';

const folder = useFolder();

async function recordsOf(text: string | Buffer) {
  const path = join(await folder(), 'file.csv');
  await writeFile(path, text);
  const records: unknown[] = [];
  for await (const { line, fields } of readRecords(path, 3)) records.push([line, fields]);
  return records;
}

describe('the records of a CSV file', () => {
  it('are its lines, blank ones left out, however lines end', async () => {
    expect(await recordsOf('\uFEFFa,b,c\r\n\r\n1,2,3\n  \n4,5,6')).toEqual([
      [1, ['a', 'b', 'c']],
      [3, ['1', '2', '3']],
      [5, ['4', '5', '6']],
    ]);
  });

  it('may hold commas, quotes and line breaks in quoted fields', async () => {
    expect(await recordsOf('"a,1","b ""x""","c\nd"\n1,2,3\n')).toEqual([
      [1, ['a,1', 'b "x"', 'c\nd']],
      [3, ['1', '2', '3']],
    ]);
  });

  it('take a quote in the middle of a field as it is', async () => {
    expect(await recordsOf('a,5" PLATE,c\n1,2,3\n')).toEqual([
      [1, ['a', '5" PLATE', 'c']],
      [2, ['1', '2', '3']],
    ]);
  });

  it.each([
    ['at the end of the file', 'a,"b,c\n1,2,3\n4,5,6\n'],
    ['before another quote', 'a,"b,c\n1,2,3\n4,"5",6\n'],
  ])('lose only the line of a quote that is never closed, %s', async (_, text) => {
    expect(await recordsOf(text)).toEqual([
      [1, undefined],
      [2, ['1', '2', '3']],
      [3, ['4', '5', '6']],
    ]);
  });

  it('are whole if the file is read in pieces', async () => {
    const lines = Array.from({ length: 20_000 }, (_, index) => `${index},"é, ${index}",ü`);
    const records = await recordsOf(lines.join('\n'));
    expect(records).toHaveLength(20_000);
    expect(records.at(-1)).toEqual([20_000, ['19999', 'é, 19999', 'ü']]);
  });

  it('end with an error if a line has no end', async () => {
    await expect(recordsOf(Buffer.alloc(3 << 20, 'x'))).rejects.toThrow('a line has no end');
  });
});
