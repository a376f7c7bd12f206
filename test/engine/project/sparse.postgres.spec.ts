import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { expect } from 'chai';
import { EVENTS_COUNTED_MAX, eventsBetween } from '../../../src/eventstore/scan.ts';
import { eventually } from '../../support/eventually.ts';
import { createMemoryEventStore, SPARSE } from '../../support/memoryStore.ts';
import { bank, event, type Bank } from './example.ts';
import { rebuilding, type Rebuilding } from '../rebuild/rebuilding.ts';

/** A store like EventStoreDB: positions ascend but do not count events, and a follower can start only from the position of an event. */
describe('On a log whose positions do not count events', () => {
  let shop: Bank;
  let { run, followed, expectFold, fill } = {} as Rebuilding;
  beforeEach(async () => {
    shop = await bank(createMemoryEventStore({ stride: SPARSE }));
    ({ run, followed, expectFold, fill } = rebuilding(shop));
  });
  afterEach(() => shop.close());

  it('a projector follows, stops and goes on, its checkpoint always at an event', async () => {
    const first = shop.projector();
    await first.start();
    const [id] = await fill(20);
    await followed(first);
    await first.stop();
    expect((await shop.checkpoint())! % SPARSE).to.equal(0n);
    const second = shop.projector();
    await second.start();
    await shop.append(id!, event('Deposited', { amount: 1 }), event('Ignored'));
    await followed(second);
    await expectFold();
  });

  it('a rebuild beside live writes reads page by page, swaps and gives the fold of the log', async function () {
    this.timeout(60_000);
    const projector = shop.projector();
    await projector.start();
    const ids = await fill(600);
    await followed(projector);
    let writing = true;
    let written = 0;
    const writes = (async () => {
      for (; writing; written += 1) {
        await shop.append(ids[written % 5]!, event('Deposited', { amount: 1 }));
        await pause(2);
      }
    })();
    const results = [];
    for (let turn = 0; turn < 2 || written < 50; turn += 1) results.push(await run());
    writing = false;
    await writes;
    expect(results.filter(({ differences }) => differences !== 0)).to.deep.equal([]);
    expect(results[0]!.events).to.be.greaterThan(2 * EVENTS_COUNTED_MAX - 300);
    await followed(projector);
    await expectFold();
    expect((await shop.checkpoint())! % SPARSE).to.equal(0n);
  });

  it('a projection’s lag is counted in events, up to a bound, and it is catching up beyond it', async () => {
    const projector = shop.projector({ batchEvents: 10 });
    const append = (count: number): Promise<bigint> =>
      shop.append(randomUUID(), ...Array.from({ length: count }, () => event('Ignored')));
    await append(7);
    expect((await projector.status())[0]).to.include({ lag: 7n, state: 'stopped' });
    for (let turn = 0; turn < 11; turn += 1) await append(100);
    const { position: head } = await shop.store.head();
    expect((await projector.status())[0]!.lag).to.equal(BigInt(EVENTS_COUNTED_MAX) + 1n);
    expect(await eventsBetween(shop.store, SPARSE, 4n * SPARSE)).to.equal(3n);
    await projector.start();
    expect(await projector.progress.waitFor(['accounts'], head, 10_000)).to.equal(true);
    expect((await projector.status())[0]).to.include({ lag: 0n, state: 'following' });
    await eventually('the checkpoint follows', async () => (await shop.checkpoint()) === head, 5_000);
  });
});
