import { styleText } from 'node:util';
import { formatCount, type Output, terminalSafe } from '../../cli/index.ts';

/** Column at which the milliseconds end. */
const WIDTH = 100;
const LABEL_WIDTH = 20;

/** Kind of a line: an answer, a live message, or an expected refusal. */
export type Kind = 'answer' | 'live' | 'refusal';

const MARKS = { answer: ['✔', 'green'], live: ['◂', 'cyan'], refusal: ['✘', 'yellow'] } as const;

/** The output of the demo: numbered steps, and under each the results with their durations. Coloured on a terminal. */
export class Screen {
  readonly #out: Output;
  #steps = 0;
  #since = performance.now();

  constructor(out: Output) {
    this.#out = out;
  }

  title(text: string): void {
    this.#write(`\n${this.#paint('bold', 'Afterwrite demo')}  ${text}`);
  }

  /** Begins a step; live messages are timed from here. */
  step(text: string): void {
    this.#steps += 1;
    this.#since = performance.now();
    this.#write(`\n${String(this.#steps).padStart(2)}  ${this.#paint('bold', text)}`);
  }

  /** Milliseconds since the step began. */
  get elapsedMs(): number {
    return performance.now() - this.#since;
  }

  /** A result: who reports it, what it is, and after how many milliseconds. */
  line(kind: Kind, label: string, said: string, ms: number): void {
    const text = terminalSafe(said);
    const [mark, colour] = MARKS[kind];
    const time = `${formatMs(ms)} ms`;
    const start = `    ${mark} ${label.padEnd(LABEL_WIDTH)}${text}`;
    const dots = ` ${'·'.repeat(Math.max(2, WIDTH - start.length - time.length - 2))} `;
    const shown = `    ${this.#paint(colour, mark)} ${this.#paint(colour, label.padEnd(LABEL_WIDTH))}${text}`;
    this.#write(`${shown}${this.#paint('dim', dots)}${time}`);
  }

  /** A remark under a line. */
  note(text: string): void {
    this.#write(`      ${' '.repeat(LABEL_WIDTH)}${this.#paint('dim', text)}`);
  }

  closing(text: string): void {
    this.#write(`\n${text}\n`);
  }

  #paint(format: 'bold' | 'dim' | 'green' | 'cyan' | 'yellow', text: string): string {
    // The text stays unchanged if the stream is not a terminal, or NO_COLOR is set.
    return styleText(format, text, { stream: this.#out });
  }

  #write(line: string): void {
    this.#out.write(`${line}\n`);
  }
}

/** Milliseconds, with a decimal if there are few. */
export function formatMs(ms: number): string {
  return ms < 9.95 ? ms.toFixed(1) : formatCount(Math.round(ms));
}
