import { randomUUID } from 'node:crypto';
import { expect, it } from 'vitest';
import { asDerivedId } from '../../../src/kernel/define/derived-id.ts';
import { causedBy } from '../../../src/kernel/process/issue-command.ts';
import { type OwnCommand, reaching, reacting } from '../../../src/kernel/process/process-commands.ts';
import { receiptOf } from '../../support/kernel/appends.ts';
import { system } from '../../support/kernel/counter.ts';
import { useEngine } from '../../support/kernel/engine.ts';
import { DELIVERY_MS, Delivery, parcelDomain, receiveParcel, sendParcel } from '../../support/kernel/parcel-process.ts';
import { useDatabase } from '../../support/postgres/database.ts';

const database = useDatabase({ per: 'emptied' });
const openEngine = useEngine(database, [parcelDomain]);

it('a deadline comes although a client has guessed the id of its command and used it first', async () => {
  const engine = await openEngine();
  const parcel = { to: randomUUID(), postage: 3 };
  const { aggregateId: id } = receiptOf(await engine.bus.execute(sendParcel, parcel, system));
  const [sent] = await engine.log.read(0, 1);
  if (!sent) throw new Error('Nothing was sent.');
  const issue = ({ command, input, commandId }: OwnCommand) =>
    engine.bus.executeUnchecked(command, input, { ...causedBy(sent), commandId });
  await issue(reacting(Delivery as never, id, sent));
  const at = new Date(sent.recordedAt.getTime() + DELIVERY_MS);
  const due = reaching(Delivery as never, id, 'arrival', at);
  const customer = { actor: { id: randomUUID(), roles: ['customer' as const], claims: {} }, commandId: due.commandId };
  receiptOf(await engine.bus.execute(receiveParcel, { parcelId: id }, customer));
  expect(await issue(due)).toMatchObject({ kind: 'accepted', receipt: { replayed: false } });
  const reached = await database.sql`select from es.events where stream_id = ${id} and type = 'DeadlineReached'`;
  expect(reached).toHaveLength(1);
  // Nor does the form help in which it is stored.
  const stored = { ...customer, commandId: asDerivedId(due.commandId) };
  expect(await engine.bus.execute(receiveParcel, { parcelId: id }, stored)).toMatchObject({ kind: 'invalid' });
});
