import { LogFault } from './log-fault.ts';
import { type HeadContent, headHash, readHead, readHeadLine, type SignedHead } from './signed-head.ts';

/** A head of the witness. */
export interface WitnessedHead {
  readonly signed: SignedHead;
  readonly content: HeadContent;
}

/**
 * The heads that a witness has after a position, in order. One that it was given again counts once, wherever its further lines
 * are: a head may be handed over again after a fault. About 100 bytes of each head stay in memory.
 * @param lines a line for each head, as `docs/audit.md` describes.
 * @throws {LogFault} if a line is no head, there is none at all, a position has two heads, or a new one is before the last: then two
 * logs have given heads to this witness.
 */
export async function* witnessedHeads(
  lines: AsyncIterable<string>,
  after: number,
): AsyncGenerator<WitnessedHead, undefined> {
  const had = new Map<number, string>();
  let last = 0;
  let nth = 0;
  for await (const line of lines) {
    nth++;
    if (line === '') continue;
    const signed = readHeadLine(line);
    const content = signed && readHead(signed.text);
    if (!signed || !content) throw new LogFault(`line ${nth} of the witness is no head`, Math.max(last, after) + 1);
    const { position } = content;
    const hash = headHash(signed.text).toString('base64');
    if (had.get(position) === hash) continue;
    if (position <= last) {
      throw new LogFault(
        `the witness has a head of position ${position} after one of position ${last}: the log was cut off there and went on`,
        position,
        last,
      );
    }
    had.set(position, hash);
    last = position;
    if (position > after) yield { signed, content };
  }
  if (last === 0) throw new LogFault('the witness has no head, so nothing can be compared with it', after + 1);
  return undefined;
}
