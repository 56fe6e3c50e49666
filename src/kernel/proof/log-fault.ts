/** The log, or an export of it, is not what was written: the first positions at which it shows. */
export class LogFault extends Error {
  readonly code = 'LOG_ALTERED';
  /** The first position that may be at fault. */
  readonly from: number;
  /** The last one; the same as `from` if the fault is known exactly. */
  readonly to: number;

  constructor(message: string, from: number, to = from) {
    super(message);
    this.name = 'LogFault';
    this.from = from;
    this.to = to;
  }
}
