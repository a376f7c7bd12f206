import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import type { RecordedEvent } from '../../../src/eventstore/eventStore.ts';
import { rebuild } from '../../../src/engine/rebuild/rebuild.ts';
import { accounts, asAny, event, folded, silent, type Bank } from '../project/example.ts';

/** The steps of tests of the rebuild, on a bank. */
export function rebuilding(shop: Bank) {
  const run = (options: Partial<Parameters<typeof rebuild>[0]> = {}) =>
    rebuild({ url: shop.url, store: shop.store, projection: asAny(accounts), log: silent, ...options });

  const followed = async (projector: ReturnType<Bank['projector']>): Promise<void> => {
    const { position } = await shop.store.head();
    expect(await projector.progress.waitFor(['accounts'], position, 20_000)).to.equal(true);
  };
  const contents = async (): Promise<unknown[]> =>
    (await shop.rows()).map(({ revision: _revision, position: _position, shout: _shout, ...row }) => row);
  const wholeLog = async (): Promise<RecordedEvent[]> => {
    const events: RecordedEvent[] = [];
    const { position } = await shop.store.head();
    while ((events.at(-1)?.position ?? 0n) < position) {
      events.push(...(await shop.store.readAll(events.at(-1)?.position ?? 0n, 5_000)));
    }
    return events;
  };
  const expectFold = async (): Promise<void> => {
    expect(await contents()).to.deep.equal(folded(await wholeLog()));
  };

  /** Some accounts with awkward names, transfers and removals. */
  const fill = async (count: number): Promise<string[]> => {
    const ids = Array.from({ length: count }, () => randomUUID());
    for (const [index, id] of ids.entries()) {
      await shop.append(
        id,
        event('Opened', { owner: `A "quoted"\\ \t näme\n\r ${index}` }),
        event('Deposited', { amount: 10 + index }),
        event('Transferred', { amount: index, to: ids[Math.floor(index / 2)]! }),
        event('Ignored'),
      );
      if (index % 7 === 3) await shop.append(id, event('Closed'));
      if (index % 14 === 3) await shop.append(id, event('Opened', { owner: `again ${index}` }));
    }
    return ids;
  };

  return { run, followed, expectFold, fill };
}

export type Rebuilding = ReturnType<typeof rebuilding>;
