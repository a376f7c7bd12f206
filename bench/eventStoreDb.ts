import { randomUUID } from 'node:crypto';
import { EventStoreDBClient, jsonEvent, NO_STREAM } from '@eventstore/db-client';
import { v7 as uuidv7 } from 'uuid';
import type { Command, Decider } from '../src/engine/decide/decider.ts';
import type { DomainEvent } from '../src/eventstore/eventStore.ts';
import { createAggregates } from '../src/engine/decide/handle.ts';
import { createEventStoreDb } from '../src/eventstore/eventstoredb/eventStoreDb.ts';
import { spawnEventStoreDouble } from '../test/support/eventStoreDouble/index.ts';
import { fromRounds, interleaved, medians, roundsOf } from './measure.ts';
import type { BenchOptions, BenchRow } from './row.ts';

const WORKERS = 64;
const ROUNDS = 9;
const COMMANDS_EACH = 60;
const COMMANDS_EACH_QUICK = 10;
const data = { quantity: 3, note: 'delivery', availableAfter: 39, expiresAt: '2026-01-01T00:15:00.000Z' };
const now = '2026-01-01T00:00:00.000Z';

const stock: Decider<number, Command, DomainEvent> = {
  category: 'stock',
  snapshotVersion: 1,
  initial: 0,
  evolve: (onHand, event) => onHand + (event.data as { quantity: number }).quantity,
  decide: () => [{ type: 'StockReceived', data }],
};

/** Runs `work` in all workers at the same time. Each worker has its own stream and does one thing after the other. */
const inParallel = (work: (stream: string) => Promise<void>): Promise<unknown> =>
  Promise.all(Array.from({ length: WORKERS }, () => work(randomUUID())));

export async function run(options: BenchOptions): Promise<BenchRow[]> {
  const each = options.quick ? COMMANDS_EACH_QUICK : COMMANDS_EACH;
  const double = await spawnEventStoreDouble();
  const store = await createEventStoreDb({ url: double.url });
  const client = EventStoreDBClient.connectionString(double.url);
  const aggregates = createAggregates({ store });

  const handled = (): Promise<unknown> =>
    inParallel(async (id) => {
      for (let n = 0; n < each; n += 1) {
        const command = { type: 'ReceiveStock', id: uuidv7(), actor: 'bench', now, correlationId: id };
        const { revision, repeated } = await aggregates.handle(stock, id, command as Command);
        if (repeated || revision !== BigInt(n)) throw new Error(`command ${n} came to revision ${revision}`);
      }
    });
  const appended = (): Promise<unknown> =>
    inParallel(async (id) => {
      for (let n = 0; n < each; n += 1) {
        const metadata = {
          commandId: uuidv7(),
          command: 'ReceiveStock',
          correlationId: id,
          actor: 'bench',
          occurredAt: now,
        };
        const event = jsonEvent({
          id: randomUUID(),
          type: 'StockReceived',
          data,
          metadata: { ...metadata, schema: 1 },
        });
        const expectedRevision = n === 0 ? NO_STREAM : BigInt(n - 1);
        const { success } = await client.appendToStream(`stock-${id}`, event, { expectedRevision });
        if (!success) throw new Error(`append ${n} found a conflict`);
      }
    });

  await handled();
  await appended();
  const rounds = await interleaved(roundsOf(options, ROUNDS), WORKERS * each, () => [handled, appended]);
  await Promise.all([store.close(), client.dispose()]);
  await double.stop();
  const { ours, theirs } = medians(rounds);
  return [
    {
      id: 'eventstoredb-commands',
      better: 'more',
      what: 'commands/s over the EventStoreDB adapter, 64 in flight (decided, appended, folded)',
      against: 'bare appends of the same events with `@eventstore/db-client`, to the same stand-in for the server',
      ...fromRounds(rounds),
      atLeast: 0.7,
      details: `${ours.toFixed(0)}/s against ${theirs.toFixed(0)}/s`,
    },
  ];
}
