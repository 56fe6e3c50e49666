import type { KeyObject } from 'node:crypto';
import { LineError, linesOf } from './byte-lines.ts';
import { ChainVerifier } from './chain-verifier.ts';
import { type ExportHeader, type ExportLine, originOf, readHeader, readLine } from './export-lines.ts';
import { LogFault } from './log-fault.ts';
import type { SignedHead } from './signed-head.ts';
import type { ProofFault, ProofVerdict } from './verdict.ts';
import { WitnessComparison } from './witness-comparison.ts';

export interface VerifyExportOptions {
  /** The public keys whose signatures count, by their ids. */
  readonly keys: ReadonlyMap<string, KeyObject>;
  /** The hash that identifies the log, if it must be that one: a key may have signed several. */
  readonly origin?: Buffer | undefined;
  /**
   * The lines of a witness, which has the signed heads from elsewhere. The export must have the same, up to the last one, so
   * that it shows if the end of the log was left out.
   */
  readonly witness?: AsyncIterable<string> | undefined;
  /** Called with the number of bytes read, now and then. */
  readonly onProgress?: (bytes: number) => void;
}

/**
 * Verifies an export with nothing but public keys. Its memory does not grow with the file.
 * @param chunks the bytes of the file.
 */
export async function verifyExport(
  chunks: AsyncIterable<Buffer>,
  { keys, origin, witness, onProgress = () => {} }: VerifyExportOptions,
): Promise<ProofVerdict> {
  const reader = new ExportReader(keys, origin);
  let comparison: WitnessComparison | undefined;
  let bytes = 0;
  try {
    for await (const lines of linesOf(chunks)) {
      for (const line of lines) {
        const head = reader.read(line);
        // The first line says where the export begins.
        if (witness) comparison ??= await WitnessComparison.of(witness, keys, reader.next);
        if (head) await comparison?.compare(head, reader.next - 1);
        bytes += line.length + 1;
      }
      onProgress(bytes);
    }
    reader.finish();
    comparison?.finish(reader.next - 1);
    return reader.verdict(undefined, comparison?.count);
  } catch (error) {
    if (error instanceof LogFault) return reader.verdict({ from: error.from, to: error.to, reason: error.message });
    if (!(error instanceof LineError)) throw error;
    const at = reader.next;
    return reader.verdict({ from: at, to: at, reason: error.message });
  }
}

/** Follows an export line by line. */
class ExportReader {
  readonly #keys: ReadonlyMap<string, KeyObject>;
  readonly #expected: Buffer | undefined;
  #header: ExportHeader | undefined;
  #chain: ChainVerifier | undefined;
  #lines = 0;
  #events = 0;
  #isEnded = false;

  constructor(keys: ReadonlyMap<string, KeyObject>, expected: Buffer | undefined) {
    this.#keys = keys;
    this.#expected = expected;
  }

  /** The position that is expected next. */
  get next(): number {
    return this.#chain ? this.#chain.position + 1 : (this.#header?.from ?? 1);
  }

  /** @returns the head of the line, if it has one. @throws {LogFault} */
  read(bytes: Buffer): SignedHead | undefined {
    this.#lines++;
    if (this.#isEnded) throw this.#fault('something follows the last line of the export');
    if (!this.#header || !this.#chain) {
      this.#begin(bytes);
      return undefined;
    }
    const line = readLine(bytes);
    if (!line) throw this.#fault(`line ${this.#lines} does not have the form of an export`);
    this.#follow(line, this.#header, this.#chain);
    return line.kind === 'head' ? line.head : undefined;
  }

  /** @throws {LogFault} if the last line is missing. */
  finish(): void {
    if (!this.#isEnded) throw this.#fault('the export is cut off: its last line is missing');
  }

  verdict(fault?: ProofFault, witnessed?: number): ProofVerdict {
    const { from, to } = this.#header ?? { from: 1, to: 0 };
    const { firstHead, lastHead, heads = 0 } = this.#chain ?? {};
    const origin = this.#header && originOf(this.#header);
    const { certified: encrypted = 0, uncertified = 0 } = this.#chain?.encryptions ?? {};
    return {
      ...{ encrypted, uncertified },
      origin,
      from,
      to,
      fault,
      firstHead,
      head: lastHead,
      heads,
      witnessed,
      followed: Math.min(to, this.next - 1),
    };
  }

  #begin(bytes: Buffer): void {
    const header = readHeader(bytes);
    if (!header) throw this.#fault('the first line is not that of an export');
    try {
      const start = { ...header, origin: originOf(header) };
      this.#header = header;
      this.#chain = new ChainVerifier(start, this.#keys);
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      throw this.#fault(`the first line does not fit itself: ${error.message}`);
    }
    const origin = originOf(header);
    if (this.#expected && !origin.equals(this.#expected)) {
      throw this.#fault(`it is an export of another log (${origin.toString('hex')}) than yours`);
    }
  }

  #follow(line: ExportLine, { to }: ExportHeader, chain: ChainVerifier): void {
    const { position } = chain;
    switch (line.kind) {
      case 'event':
        if (position >= to) throw this.#fault(`position ${line.event.position} is there, after the range`);
        chain.next(line.event);
        this.#events++;
        return;
      case 'leaf':
        if (position < to) throw this.#fault('the event is there without its content');
        chain.next({ position: position + 1, leaf: line.leaf, hash: line.hash });
        return;
      case 'head':
        chain.head(line.head);
        return;
      case 'end': {
        const { end, events, heads } = line.end;
        if (position < to) throw this.#fault(`events are missing at the end: the export should reach position ${to}`);
        if (end !== position || events !== this.#events || heads !== chain.heads) {
          throw this.#fault('the last line counts other events and heads than there are');
        }
        this.#isEnded = true;
      }
    }
  }

  #fault(reason: string): LogFault {
    return new LogFault(reason, this.next);
  }
}
