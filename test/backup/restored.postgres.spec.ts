import { expect } from 'chai';
import type { Bus } from '../../src/bus/bus.ts';
import { createEmbeddedBus } from '../../src/bus/consumers.ts';
import { acquireLease } from '../../src/engine/follow/lease.ts';
import type { RecordedEvent } from '../../src/eventstore/eventStore.ts';
import type { Shop } from '../../src/compose/shop.ts';
import type { World } from '../cli/world.ts';
import { silent } from '../engine/project/example.ts';
import { newStream, UNHEARD_TYPE, unheard } from '../support/events.ts';
import { eventually } from '../support/eventually.ts';
import { startEventStoreDouble } from '../support/eventStoreDouble/index.ts';
import { rejection } from '../support/rejection.ts';
import { openWriteSide } from '../support/shop.ts';
import { smallShop } from './world.ts';

describe('a log restored under checkpoints of its future', function () {
  this.timeout(90_000);
  let world: World;
  beforeEach(async () => {
    world = await smallShop();
  });
  let started: Bus[] = [];
  afterEach(async () => {
    await Promise.all(started.map((bus) => bus.stop()));
    started = [];
    await world.close();
  });

  /** Subscribes under the payment handler's name, with a handler that only records its events. */
  async function handling(shop: Shop) {
    const handled: RecordedEvent[] = [];
    const bus = createEmbeddedBus({ pool: shop.pool, store: shop.store, owner: 'test', log: silent });
    bus.subscribe({
      name: 'payment',
      types: [UNHEARD_TYPE],
      handle: ({ event }) => {
        handled.push(event);
        return Promise.resolve();
      },
    });
    started.push(bus);
    await bus.start();
    return { handled, status: async () => (await bus.status())[0]!, stop: () => bus.stop() };
  }
  const caughtUp = ({ status }: Awaited<ReturnType<typeof handling>>): Promise<unknown> =>
    eventually('it has caught up', async () => {
      const { lag, inFlight } = await status();
      return lag === 0n && inFlight === 0;
    });
  const refusal = ({ status }: Awaited<ReturnType<typeof handling>>): Promise<string> =>
    eventually('it says why it does not go on', async () => (await status()).lastError);

  async function wentOnAfter(command: string, shop: Shop, env: Record<string, string> = {}): Promise<RecordedEvent[]> {
    const { code, output } = await world.run(['handlers', command], { env });
    expect(code, output).to.equal(0);
    await shop.store.append(newStream(), -1n, unheard(1));
    const handler = await handling(shop);
    await caughtUp(handler);
    await handler.stop();
    return handler.handled;
  }

  it('is refused to a handler by name; told to go on from here, it handles only what comes', async () => {
    const { shop } = world;
    const before = await handling(shop);
    await caughtUp(before);
    await before.stop();
    expect(before.handled).to.have.lengthOf(20);
    const { position } = await shop.store.head();
    const earlier = position - 5n;
    await shop.pool.query(`DELETE FROM events WHERE position > ${earlier}`);
    await shop.pool.query(`UPDATE store_head SET position = ${earlier}`);

    const after = await handling(shop);
    expect(await refusal(after)).to.equal(
      `RestoredLog: the checkpoint of consumer:payment is at ${position}, ahead of the log's head ${earlier}: the log was restored to an ` +
        'earlier point. Run "cartulary handlers from-here" to go on with what comes from now on, or "cartulary handlers ' +
        'replay" to handle all of it again.',
    );
    await after.stop();
    expect(after.handled).to.deep.equal([]);

    expect(await wentOnAfter('from-here', shop)).to.have.lengthOf(1);
    expect(await wentOnAfter('replay', shop)).to.have.lengthOf(17);
  });

  it('is refused as another log where it is one, to handlers and read models alike', async () => {
    const double = await startEventStoreDouble();
    const env = { EVENTSTORE_URL: double.url };
    const before = await handling(world.shop);
    await caughtUp(before);
    await before.stop();
    expect((await world.run(['rebuild', 'users'])).code).to.equal(0);
    const shop = await openWriteSide(world.url, env);
    try {
      const after = await handling(shop);
      expect(await refusal(after)).to.match(
        /^RestoredLog: the checkpoint of consumer:payment belongs to another log .*handlers from-here/,
      );
      await after.stop();
      const lease = { name: 'projection:users', owner: 'test', store: shop.store, log: silent };
      expect((await rejection(acquireLease(shop.pool, lease))).message).to.match(
        /another log .*"cartulary rebuild users"/,
      );
      expect(await wentOnAfter('from-here', shop, env)).to.have.lengthOf(1);
    } finally {
      await shop.close();
      await double.stop();
    }
  });
});
