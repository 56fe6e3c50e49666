import { UsualWeights } from '../../../scheduling/usual-weights.ts';
import { initiatorOf, type RecordedEvent } from '../../define/event.ts';

/** How long it takes read models to write what the events of each caller change. */
export class WriteCosts {
  /** In ms for an event, by read model. */
  readonly #usual = new Map<string, UsualWeights>();

  /** Counts a batch that a read model has written. All of its events count alike. */
  add(projection: string, events: readonly Pick<RecordedEvent, 'metadata'>[], ms: number): void {
    let usual = this.#usual.get(projection);
    if (!usual) {
      usual = new UsualWeights();
      this.#usual.set(projection, usual);
    }
    const callers = new Set(events.map(({ metadata }) => initiatorOf(metadata)));
    for (const caller of callers) usual.add(caller, ms / events.length);
  }

  /** How long an event of the caller usually takes the read model that takes longest, in ms; 0 if unknown. */
  of(caller: string): number {
    return Math.max(0, ...[...this.#usual.values()].map((usual) => usual.of(caller)));
  }
}
