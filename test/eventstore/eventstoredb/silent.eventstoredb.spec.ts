import { setTimeout as pause } from 'node:timers/promises';
import { expect } from 'chai';
import { isOutcomeUnknown } from '../../../src/errors.ts';
import { NO_STREAM, type EventStore } from '../../../src/eventstore/eventStore.ts';
import { createEventStoreDb } from '../../../src/eventstore/eventstoredb/eventStoreDb.ts';
import { createLogger } from '../../../src/platform/log.ts';
import { eventually } from '../../support/eventually.ts';
import { following, newStream, things } from '../../support/events.ts';
import { startEventStoreDouble, type EventStoreDouble } from '../../support/eventStoreDouble/index.ts';
import { muteProxy, type Muted } from '../../support/muteProxy.ts';
import { rejection } from '../../support/rejection.ts';

/** A call without an answer is given up after 4 s, and its client with it. gRPC's own keepalive would take up to 20 s. */
const GIVEN_UP_MS = 15_000;
const DEADLINE_MS = 10_000;
const SHORT_DEADLINE_MS = 1_500;
const ATTEMPT_MS = 300;
const READ_EVERY_MS = 50;
const log = createLogger('silent');

describe('a connection to EventStoreDB that goes silent', function () {
  this.timeout(90_000);
  let double: EventStoreDouble;
  let proxy: Awaited<ReturnType<typeof muteProxy>>;
  const stores: EventStore[] = [];

  const open = async (url: string, limits = {}): Promise<EventStore> => {
    const store = await createEventStoreDb({ url, log, deadlineMs: DEADLINE_MS, ...limits });
    stores.push(store);
    return store;
  };
  beforeEach(async () => {
    double = await startEventStoreDouble();
    proxy = await muteProxy(double.url);
  });
  afterEach(async () => {
    await Promise.all(stores.splice(0).map((store) => store.close()));
    proxy.close();
    await double.stop();
  });

  for (const lost of ['all', 'answers', 'stuck'] as const satisfies readonly Muted[]) {
    it(`answers the append in flight within its deadline, and records it once (lost: ${lost})`, async () => {
      const store = await open(proxy.url, { attemptMs: ATTEMPT_MS });
      await store.append(newStream(), NO_STREAM, things(1));
      const stream = newStream();
      proxy.mute(lost);
      const began = performance.now();
      const result = await store.append(stream, NO_STREAM, things(3));
      expect(performance.now() - began).to.be.below(DEADLINE_MS);
      expect(result).to.include({ outcome: 'appended', revision: 2n });
      expect(double.log.stream(stream)).to.have.lengthOf(3);
      const next = await store.append(stream, 2n, things(1));
      expect(next).to.include({ outcome: 'appended', revision: 3n });
    });
  }

  it('never says that nothing happened of an append that it may have recorded, while it cannot look', async () => {
    const store = await open(double.url, { deadlineMs: SHORT_DEADLINE_MS, attemptMs: ATTEMPT_MS });
    const stream = newStream();
    double.faults.set({ repliesDropped: 1, readsUnavailable: 1_000 });
    expect(isOutcomeUnknown(await rejection(store.append(stream, NO_STREAM, things(1))))).to.equal(true);
    double.faults.set({ readsUnavailable: 0 });
    expect(double.log.stream(stream)).to.have.lengthOf(1);
  });

  it('lets followers go on, by its subscription, with nothing skipped', async () => {
    const [store, elsewhere] = [await open(proxy.url), await open(double.url)];
    const follower = following(store, 0n);
    await eventually('there is a subscription', () => double.counts.subscriptions === 1);
    await elsewhere.append(newStream(), NO_STREAM, things(2));
    await eventually('it is told', () => follower.seen.length === 2);
    proxy.mute();
    await elsewhere.append(newStream(), NO_STREAM, things(3));
    await eventually('all is told', () => follower.seen.length === 5, GIVEN_UP_MS);
    await eventually('there is another subscription', () => double.counts.subscriptions >= 2, GIVEN_UP_MS);
    await follower.stop();
    expect(follower.seen.map(({ id }) => id)).to.have.lengthOf(new Set(follower.seen.map(({ id }) => id)).size);
  });

  it('renews the subscription of a log that does not grow', async () => {
    const store = await open(proxy.url);
    const follower = following(store, 0n);
    await eventually('there is a subscription', () => double.counts.subscriptions === 1);
    proxy.mute();
    await eventually('there is another subscription', () => double.counts.subscriptions === 2, GIVEN_UP_MS);
    await follower.stop();
  });

  it('fails the probe of readiness once, and reads work again', async () => {
    const store = await open(proxy.url);
    const stream = newStream();
    await store.append(stream, NO_STREAM, things(1));
    proxy.mute();
    expect(await rejection(store.ping())).to.have.property('rule', 'LogUnavailable');
    await store.ping();
    expect(await store.read(stream)).to.have.lengthOf(1);
    expect(proxy.accepted).to.be.below(6);
  });

  it('never makes a stream look empty to those who read it while its client is replaced', async () => {
    const store = await open(proxy.url);
    const stream = newStream();
    await store.append(stream, NO_STREAM, things(2));
    proxy.mute();
    let failed = 0;
    const read = async (): Promise<number | undefined> => {
      try {
        return (await store.read(stream)).length;
      } catch (error) {
        failed += 1;
        expect(error).to.have.property('rule', 'LogUnavailable');
        return undefined;
      }
    };
    const reads: Promise<number | undefined>[] = [];
    while (failed === 0) {
      reads.push(read());
      await pause(READ_EVERY_MS);
    }
    const lengths = (await Promise.all(reads)).filter((length) => length !== undefined);
    expect(lengths).to.deep.equal(lengths.map(() => 2));
  });
});
