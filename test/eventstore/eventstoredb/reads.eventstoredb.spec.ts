import { expect } from 'chai';
import { isRefusal } from '../../../src/errors.ts';
import { NO_STREAM, READ_PAGE, type EventStore } from '../../../src/eventstore/eventStore.ts';
import { createEventStoreDb } from '../../../src/eventstore/eventstoredb/eventStoreDb.ts';
import { LOG_STREAM } from '../../../src/eventstore/eventstoredb/wireEvents.ts';
import { createLogger } from '../../../src/platform/log.ts';
import { eventually } from '../../support/eventually.ts';
import { following, newStream, thing, things, wholeLog } from '../../support/events.ts';
import { startEventStoreDouble, type EventStoreDouble } from '../../support/eventStoreDouble/index.ts';
import { rejection } from '../../support/rejection.ts';

const SILENCE_MS = 300;

describe('reading from EventStoreDB', () => {
  let double: EventStoreDouble;
  let store: EventStore;
  const append = (count = 1): Promise<unknown> => store.append(newStream(), NO_STREAM, things(count));

  beforeEach(async () => {
    double = await startEventStoreDouble();
    store = await createEventStoreDb({ url: double.url, silenceMs: SILENCE_MS, log: createLogger('silent') });
  });
  afterEach(async () => {
    double.faults.set({ stalled: false, silent: false });
    await store.close();
    await double.stop();
  });

  describe('a subscription', () => {
    for (const how of ['cleanly', 'with an error'] as const) {
      it(`that ends ${how} is followed by another, and nothing is skipped`, async () => {
        const follower = following(store, 0n);
        for (let round = 1; round <= 4; round += 1) {
          await eventually('there is a subscription', () => double.counts.subscriptions === round);
          await append(3);
          await append(2);
          double.endSubscriptions(how);
          await append(5);
          await eventually('all is told', () => follower.seen.length === 10 * round);
        }
        await follower.stop();
        expect(follower.seen).to.deep.equal(await wholeLog(store));
      });
    }

    it('that falls silent though the log grows is replaced', async () => {
      const follower = following(store, 0n);
      await append();
      await eventually('it is told', () => follower.seen.length === 1);
      await eventually('there is a subscription', () => double.counts.subscriptions === 1);
      double.faults.set({ silent: true });
      await append();
      await eventually('it is told all the same', () => follower.seen.length === 2);
      await eventually('another subscription came', () => double.counts.subscriptions > 1);
      await follower.stop();
    });

    it('tells at once, not when it would be time to look', async () => {
      const follower = following(store, 0n);
      await eventually('there is a subscription', () => double.counts.subscriptions === 1);
      const lags: number[] = [];
      for (let round = 1; round <= 20; round += 1) {
        await append();
        const began = performance.now();
        await eventually('it is told', () => follower.seen.length === round);
        lags.push(performance.now() - began);
      }
      await follower.stop();
      expect(lags.sort((a, b) => a - b)[10]).to.be.below(100);
    });

    it('is shared by all followers', async () => {
      const followers = Array.from({ length: 5 }, () => following(store, 0n));
      await append(5);
      await eventually('all have it', () => followers.every(({ seen }) => seen.length === 5));
      expect(double.counts.subscriptions).to.equal(1);
      await Promise.all(followers.map((follower) => follower.stop()));
    });

    it('goes on when the server has been down', async () => {
      const follower = following(store, 0n);
      await append(3);
      await eventually('it is told', () => follower.seen.length === 3);
      for (let round = 1; round <= 3; round += 1) {
        await double.goDown();
        await double.comeUp();
        await append(2);
        await eventually('all is told', () => follower.seen.length === 3 + 2 * round);
      }
      await follower.stop();
      expect(follower.seen).to.deep.equal(await wholeLog(store));
    });
  });

  describe('foreign events', () => {
    it('is left out however much of it there is, and is walked through once', async () => {
      await append();
      double.log.appendSystemRecords(3 * READ_PAGE);
      const [first] = await store.readAll(0n);
      expect((await store.head()).position).to.equal(first!.position);
      expect(await store.readAll(first!.position, 1)).to.deep.equal([]);
      const before = double.counts.reads;
      expect(await store.readAll(first!.position, 1)).to.deep.equal([]);
      await store.head();
      expect(double.counts.reads - before).to.equal(2);
      await append();
      expect(await store.readAll(first!.position, 1)).to.have.lengthOf(1);
      expect((await wholeLog(store)).map(({ stream }) => stream)).not.to.include(LOG_STREAM);
      expect(double.log.stream(LOG_STREAM)).to.have.lengthOf(1);
    });
  });

  describe('impossible positions and events', () => {
    it('is refused loudly: a position that is no event’s', async () => {
      await append(3);
      const { position } = await store.head();
      const reason = 'no event at the position that was asked for';
      expect((await rejection(store.readAll(position - 1n))).message).to.include(reason);
      const follow = async (): Promise<void> => {
        for await (const events of store.follow(position - 1n, { signal: AbortSignal.timeout(5_000) })) {
          throw new Error(`${events.length} events`);
        }
      };
      expect((await rejection(follow())).message).to.include(reason);
    });

    it('is refused loudly: events of a transaction, by name', async () => {
      const event = thing();
      await store.append(newStream(), NO_STREAM, [event]);
      double.faults.set({ transactions: true });
      expect((await rejection(store.readAll(0n))).message)
        .to.include(`event ${event.id} `)
        .and.include('transaction');
    });

    it('is refused loudly: a server so old that streams have no positions', async () => {
      const stream = newStream();
      await store.append(stream, NO_STREAM, things(1));
      double.faults.set({ withoutPositions: true });
      expect((await rejection(store.read(stream))).message).to.include('EventStoreDB 22.6 or newer');
    });
  });

  it('tries again what was only unavailable', async () => {
    const stream = newStream();
    await store.append(stream, NO_STREAM, things(2));
    double.faults.set({ readsUnavailable: 2 });
    expect(await store.read(stream)).to.have.lengthOf(2);
  });

  it('is refused in time when the server does not answer', async () => {
    double.faults.set({ stalled: true });
    const asked = [store.head(), store.read('thing-1'), store.readAll(0n), store.find('a', [thing().id])];
    for (const error of await Promise.all(asked.map(rejection))) {
      expect(isRefusal(error) && error.kind).to.equal('unavailable');
    }
  });

  it('begins with a server that is there', async () => {
    await double.goDown();
    const error = await rejection(createEventStoreDb({ url: double.url }));
    expect(isRefusal(error) && error.kind).to.equal('unavailable');
    await double.comeUp();
  });

  it('never takes an answer that was cut short for a shorter log, but tells another log from its own', async () => {
    await append();
    const { epoch } = await store.head();
    await double.stop();
    const replaced = await startEventStoreDouble({ port: double.port });
    await eventually('it is another', async () => {
      const head = await store.head().catch(() => undefined);
      return head !== undefined && head.epoch !== epoch && head.position === 0n;
    });
    await replaced.stop();
  });

  it('understands the scheme of KurrentDB and what the client does, and does not show a string that it does not', async () => {
    const urls = [
      double.url.replace('esdb:', 'kurrentdb:'),
      ` ${double.url}/ `,
      `${double.url}&keepAliveTimeout=20000`,
      double.url.replace('esdb:', 'esdb+discover:'),
    ];
    for (const url of urls) {
      const understood = await createEventStoreDb({ url });
      await understood.ping();
      await understood.close();
    }
    const error = await rejection(createEventStoreDb({ url: 'esdb://admin:secret@host:port?tls=false' }));
    expect(error.message).to.include('EVENTSTORE_URL').and.not.include('secret');
  });
});
