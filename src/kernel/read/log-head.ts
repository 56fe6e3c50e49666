/** The end of the log, as far as this instance knows. Never goes back. */
export class LogHead {
  position = 0;
  /** When the last event was recorded; undefined where the log is empty or nobody has looked. */
  recordedAt: Date | undefined;

  advance(position: number, recordedAt: Date | undefined): boolean {
    if (position <= this.position) return false;
    this.position = position;
    this.recordedAt = recordedAt;
    return true;
  }
}
