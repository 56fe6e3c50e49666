import { customersDomain, registerCustomer, renameCustomer } from '../../../src/domains/customers/index.ts';
import { SYSTEM } from '../../../src/kernel/define/access/actor.ts';
import type { EventLog } from '../../../src/kernel/log/event-log.ts';
import { newId } from '../../../src/kernel/log/new-id.ts';
import type { BenchEngine } from '../running/engine.ts';

/** Customers with names and e-mail addresses, which are personal data. */
export const peopleDomain = customersDomain;

const AT_ONCE = 200;
const PAGE = 2000;
const BY_SYSTEM = { actor: SYSTEM };

/** Registers people, and renames each of them some times; resolves to their ids. */
export async function writePeople({ bus }: BenchEngine, people: number, renamings: number): Promise<string[]> {
  const ids: string[] = [];
  while (ids.length < people) {
    const some = Array.from({ length: Math.min(AT_ONCE, people - ids.length) }, async (_, nth) => {
      const input = { name: `Ada Lovelace ${nth}`, email: `ada.${nth}@example.org` };
      const result = await bus.execute(registerCustomer, input, BY_SYSTEM);
      if (result.kind !== 'accepted') throw new Error(`A customer was not registered: ${result.kind}.`);
      return result.receipt.aggregateId;
    });
    ids.push(...(await Promise.all(some)));
  }
  for (let time = 0; time < renamings; time++) {
    for (let from = 0; from < ids.length; from += AT_ONCE) {
      await Promise.all(ids.slice(from, from + AT_ONCE).map((id) => rename({ bus }, id)));
    }
  }
  return ids;
}

/** One event with personal data. */
export async function rename({ bus }: Pick<BenchEngine, 'bus'>, customerId: string): Promise<void> {
  // The same name again would be no event.
  const name = `Countess of Lovelace ${newId()}`;
  const { kind } = await bus.execute(renameCustomer, { customerId, name }, BY_SYSTEM);
  if (kind !== 'accepted') throw new Error(`A customer was not renamed: ${kind}.`);
}

/** Reads that many events from the beginning of the log on. @throws if there are fewer. */
export async function readLog(log: EventLog, events: number): Promise<void> {
  for (let position = 0; position < events; ) {
    const last = (await log.read(position, Math.min(PAGE, events - position))).at(-1);
    if (!last) throw new Error('The log has fewer events.');
    position = last.position;
  }
}
