import { randomUUID } from 'node:crypto';
import { stockDecider } from '../src/aggregates/stock.ts';
import { createCrowds } from '../src/engine/decide/crowd.ts';
import { createAggregates } from '../src/engine/decide/handle.ts';
import { isRefusal } from '../src/errors.ts';
import { createPostgresEventStore } from '../src/eventstore/postgres/postgresEventStore.ts';
import { impatientCrowds } from '../test/support/impatient.ts';

/** The task of one process of a crowd. */
export interface CrowdWork {
  readonly url: string;
  readonly product: string;
  readonly rule: 'ours' | 'impatient';
  /** Callers that each ask again as soon as they are answered. */
  readonly callers: number;
  readonly reservations: number;
}

export interface CrowdTold {
  readonly refused: number;
  /** Of each reservation, the refused ones included, ms. */
  readonly times: readonly number[];
}

/** One process of a crowd: says that it is ready, waits for its start, reserves stock of one product, tells what came of it. */
async function run({ url, product, rule, callers, reservations }: CrowdWork): Promise<void> {
  const store = await createPostgresEventStore({ url });
  const crowds = rule === 'ours' ? createCrowds() : impatientCrowds();
  const aggregates = createAggregates({ store, crowds });
  const times: number[] = [];
  let [left, refused] = [reservations, 0];
  const call = async (): Promise<void> => {
    while (left-- > 0) {
      const [orderId, now] = [randomUUID(), new Date().toISOString()];
      const data = { orderId, buyerId: orderId, quantity: 1, expiresAt: now };
      const command = {
        type: 'ReserveStock',
        data,
        id: randomUUID(),
        actor: 'bench',
        now,
        correlationId: orderId,
      } as const;
      const began = performance.now();
      try {
        await aggregates.handle(stockDecider, product, command);
      } catch (error) {
        if (!isRefusal(error) || error.rule !== 'StreamBusy') throw error;
        refused += 1;
      }
      times.push(performance.now() - began);
    }
  };
  await aggregates.load(stockDecider, product);
  process.send!('ready');
  await new Promise((resolve) => process.once('message', resolve));
  await Promise.all(Array.from({ length: callers }, call));
  await store.close();
  await new Promise((resolve) => process.send!({ refused, times } satisfies CrowdTold, resolve));
  process.disconnect();
}

await run(JSON.parse(process.argv[2] ?? '') as CrowdWork);
