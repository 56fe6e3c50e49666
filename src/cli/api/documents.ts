import { writeFile } from 'node:fs/promises';
import { Command } from 'commander';
import { getOperationAST, parse } from 'graphql';
import { readDocuments } from '../../graphql/documents/read-documents.ts';
import { schemaOf } from '../../graphql/schema.ts';
import { type CommandFactory, print, say } from '../cli.ts';

/** `documents FOLDER`: creates the file for TRUSTED_DOCUMENTS. */
export const documentsCommand: CommandFactory = (cli) =>
  new Command('documents')
    .description('check the operations of clients and assign their ids; needs no database')
    .argument('<path>', 'a folder of .graphql files, or a file of JSON, { id: text }')
    .option('--write <file>', 'write them to a file for TRUSTED_DOCUMENTS')
    .action(async (path: string, { write }: { write?: string }) => {
      const documents = await readDocuments(path, schemaOf(cli.app));
      for (const [id, text] of documents)
        print(cli, `${id} ${getOperationAST(parse(text))?.name?.value ?? ''}`.trimEnd());
      if (write === undefined) return;
      await writeFile(write, `${JSON.stringify(Object.fromEntries(documents), null, 2)}\n`);
      say(cli, `Written to ${write}: ${documents.size} documents.`);
    });
