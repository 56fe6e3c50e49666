/** The end of the log, as far as this instance knows. */
export class LogHead {
  position = 0;
  /** When the last event was recorded; undefined if the log is empty or was not read yet. */
  recordedAt: Date | undefined;

  /** The log has lost its last events. */
  retreat(position: number, recordedAt: Date | undefined): void {
    if (position >= this.position) return;
    this.position = position;
    this.recordedAt = recordedAt;
  }

  /** Never goes back. @returns false if it is already there. */
  advance(position: number, recordedAt: Date | undefined): boolean {
    if (position <= this.position) return false;
    this.position = position;
    this.recordedAt = recordedAt;
    return true;
  }
}
