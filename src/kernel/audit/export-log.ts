import type { Database } from '../../database/client.ts';
import { endLine, eventLineParts, headerLine, leafLine } from '../proof/export-lines.ts';
import { MerkleFrontier } from '../proof/merkle-frontier.ts';
import { headHash, headLine } from '../proof/signed-head.ts';
import { readHash, readOrigin } from './chain-origin.ts';
import { HeadCursor, storedHeads } from './head-cursor.ts';
import { lastHead } from './heads/head-store.ts';
import { treeOf } from './heads/verify-head.ts';
import { StoredChain } from './stored-chain.ts';

export interface ExportOptions {
  /** The first and the last position whose content is exported; `to` is `from - 1` for an empty export. */
  readonly from: number;
  readonly to: number;
  readonly signal: AbortSignal;
  /** Called with the number of events exported so far. */
  readonly onProgress?: (events: number) => void;
}

/**
 * Exports a range of the log with all that is needed to verify it without the database. It is given as bytes, in chunks of a few
 * MiB. What is stored is exported as it is: whether it was altered is for the verifier to say.
 */
export async function* exportLog(db: Database, options: ExportOptions): AsyncGenerator<Buffer, void, undefined> {
  const { from, to, signal, onProgress = () => {} } = options;
  const chain = new StoredChain(db);
  yield line(await headerOf(db, chain, options));
  const heads = await HeadCursor.of(storedHeads(db, from - 1));
  const counts = { events: 0, heads: 0 };
  let end = from - 1;
  let signed = from - 1;
  for await (const page of chain.pages(from - 1, to, signal)) {
    const parts: Buffer[] = [];
    for (const event of page) {
      const { position } = event;
      parts.push(...eventLineParts(event), LINE_FEED);
      counts.events++;
      end = position;
      for (let head = heads.current; head && head.position <= position; head = heads.current) {
        parts.push(line(headLine(head.signed)));
        signed = head.position;
        counts.heads++;
        await heads.next();
      }
    }
    yield Buffer.concat(parts);
    onProgress(counts.events);
  }
  const next = signed === to ? undefined : heads.current;
  if (next) {
    // Without their contents, the events up to the next head connect the range with it.
    for await (const page of chain.pages(to, next.position, signal)) {
      const lines: string[] = [];
      for (const { position, hash, leaf } of page) {
        lines.push(`${leafLine(hash.toString('hex'), leaf.toString('hex'))}\n`);
        end = position;
      }
      yield Buffer.from(lines.join(''));
    }
    yield line(headLine(next.signed));
    counts.heads++;
  }
  yield line(endLine({ end, ...counts }));
}

async function headerOf(db: Database, chain: StoredChain, { from, to, signal }: ExportOptions): Promise<string> {
  const { text: origin, hash } = await readOrigin(db);
  const before = await lastHead(db, from - 1);
  // If somebody has damaged the head, its tree is made from the first event on.
  const tree = (before && treeOf(before)) ?? new MerkleFrontier();
  for await (const page of chain.pages(tree.size, from - 1, signal)) {
    for (const { leaf } of page) tree.push(leaf);
  }
  return headerLine({
    ...{ origin, from, to },
    before: from === 1 ? hash : ((await readHash(db, from - 1)) ?? Buffer.alloc(hash.length)),
    peaks: tree.peaks(),
    previousHead: before && headHash(before.signed.text),
  });
}

const LINE_FEED = Buffer.from('\n');

function line(text: string): Buffer {
  return Buffer.from(`${text}\n`);
}
