// An attack in a process of its own, at the lowest priority: attackers have machines of their own.
import { setPriority } from 'node:os';
import { Random } from '../support/random.ts';
import { Attacker } from './attacker.ts';
import { attacks } from './attacks.ts';

/** A message of the parent: begin the attack, or end it. */
export type AttackerOrder = 'begin' | 'end';

/** A message to the parent: everything is prepared, or the attack has ended. */
export type AttackerReport =
  | { readonly kind: 'prepared' }
  | {
      readonly kind: 'ended';
      readonly tally: Readonly<Record<string, number>>;
      readonly received: number;
      readonly failure: string | undefined;
    };

const LOWEST_PRIORITY = 19;
const [name = '', url = '', seed = '1'] = process.argv.slice(2);
const attack = attacks.find((each) => each.name === name);
if (!attack) throw new Error(`There is no attack ${name}.`);
setPriority(LOWEST_PRIORITY);
process.on('disconnect', () => process.exit());

const stop = new AbortController();
const address = `127.0.1.${attacks.indexOf(attack) + 1}`;
const attacker = new Attacker({ url, address, random: new Random(Number(seed)), signal: stop.signal });
const tell = (report: AttackerReport) => new Promise<void>((resolve) => process.send?.(report, () => resolve()));

process.on('message', async (order: AttackerOrder) => {
  if (order === 'end') {
    stop.abort();
    attacker.leave();
    return;
  }
  const failure = await attack.run(attacker).then(
    () => attacker.ended().then(() => undefined),
    (error: Error) => (stop.signal.aborted ? undefined : String(error.stack)),
  );
  attacker.leave();
  await tell({ kind: 'ended', tally: Object.fromEntries(attacker.tally), received: attacker.received, failure });
  process.exit();
});

await attack.prepare?.(attacker);
attacker.tally.clear();
await tell({ kind: 'prepared' });
