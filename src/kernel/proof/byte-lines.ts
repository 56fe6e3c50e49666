const LINE_FEED = 0x0a;

/** Most bytes of a line; an event with all of its data is far smaller. */
export const MAX_LINE_BYTES = 64 * 2 ** 20;

/** A text does not consist of whole lines of a bearable length. */
export class LineError extends Error {}

/**
 * The lines of a file, without their line feeds, as many at a time as arrive together. They are bytes of the chunks, not
 * copies, if they do not cross the border of two chunks.
 * @throws {LineError} if a line is longer than {@link MAX_LINE_BYTES}, or the last one has no line feed.
 */
export async function* linesOf(chunks: AsyncIterable<Buffer>, maxBytes = MAX_LINE_BYTES): AsyncGenerator<Buffer[]> {
  let begun: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of chunks) {
    const lines: Buffer[] = [];
    let from = 0;
    for (let to = chunk.indexOf(LINE_FEED); to !== -1; to = chunk.indexOf(LINE_FEED, from)) {
      const rest = chunk.subarray(from, to);
      lines.push(begun.length === 0 ? rest : Buffer.concat([...begun, rest]));
      begun = [];
      bytes = 0;
      from = to + 1;
    }
    if (lines.length > 0) yield lines;
    if (from < chunk.length) begun.push(chunk.subarray(from));
    bytes += chunk.length - from;
    if (bytes > maxBytes) throw new LineError(`a line is longer than ${maxBytes} bytes`);
  }
  if (bytes > 0) throw new LineError('the file ends in the middle of a line');
}
