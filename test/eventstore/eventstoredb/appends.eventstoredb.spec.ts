import { expect } from 'chai';
import { v7 as uuidv7 } from 'uuid';
import { isRefusal } from '../../../src/errors.ts';
import { NO_STREAM, type AppendResult, type EventStore, type NewEvent } from '../../../src/eventstore/eventStore.ts';
import { createEventStoreDb } from '../../../src/eventstore/eventstoredb/eventStoreDb.ts';
import { APPENDS_IN_FLIGHT_MAX } from '../../../src/eventstore/eventstoredb/appends.ts';
import { eventually } from '../../support/eventually.ts';
import { newStream, thing, things, wholeLog } from '../../support/events.ts';
import { startEventStoreDouble, type EventStoreDouble } from '../../support/eventStoreDouble/index.ts';
import { rejection } from '../../support/rejection.ts';

const ATTEMPT_MS = 250;

const unlessUnavailable = (error: unknown): undefined => {
  if (!isRefusal(error) || error.kind !== 'unavailable') throw error;
  return undefined;
};

/** Events of a command that has a new id for each call. */
const ownThings = (count: number): NewEvent[] => {
  const commandId = uuidv7();
  return things(count).map((event) => ({ ...event, metadata: { ...event.metadata, commandId } }));
};

describe('appending to EventStoreDB', () => {
  let double: EventStoreDouble;
  let store: EventStore;

  beforeEach(async () => {
    double = await startEventStoreDouble();
    store = await createEventStoreDb({ url: double.url, attemptMs: ATTEMPT_MS });
  });
  afterEach(async () => {
    double.faults.set({ stalled: false });
    await store.close();
    await double.stop();
  });

  const idsIn = (stream: string): string[] => double.log.stream(stream).map(({ id }) => id);
  const expectOnce = (stream: string, events: readonly NewEvent[], result: AppendResult): void => {
    expect(idsIn(stream)).to.deep.equal(events.map(({ id }) => id));
    const { position, revision } = double.log.stream(stream).at(-1)!;
    expect(result).to.deep.equal({ outcome: 'appended', position, revision, repeated: false });
  };

  for (const [whose, make] of [
    ['a command that may come again', things],
    ['a command made for one call', ownThings],
  ] as const) {
    describe(`events of ${whose}`, () => {
      for (const [what, fault] of [
        ['whose reply is lost', { repliesDropped: 1 }],
        ['that is lost on its way', { appendsLost: 1 }],
        ['that is lost on its way, more than once', { appendsLost: 3 }],
        ['that is recorded and then called a conflict', { wrongVersions: 1 }],
        ['that the server is too busy for', { busy: 2 }],
        ['that is lost, and recorded at last without a reply', { appendsLost: 1, repliesDropped: 1 }],
      ] as const) {
        it(`are appended once, in an append ${what}`, async () => {
          const [stream, events] = [newStream(), make(2)];
          await store.append(stream, NO_STREAM, make(1));
          double.faults.set(fault);
          const result = await store.append(stream, 0n, events);
          double.faults.set({ repliesDropped: 0 });
          const [, ...mine] = idsIn(stream);
          expect(mine).to.deep.equal(events.map(({ id }) => id));
          const { position, revision } = double.log.stream(stream).at(-1)!;
          expect(result).to.deep.equal({ outcome: 'appended', position, revision, repeated: false });
        });
      }

      for (const how of ['cleanly', 'with an error'] as const) {
        it(`are appended once when the stream of appends ends ${how} under them`, async () => {
          await store.append(newStream(), NO_STREAM, make(1));
          const before = double.counts.appends;
          double.faults.set({ stalled: true });
          const appends = Array.from({ length: 10 }, () => ({ stream: newStream(), events: make(2) }));
          const results = appends.map(({ stream, events }) => store.append(stream, NO_STREAM, events));
          await eventually('they are there', () => double.counts.appends === before + 10);
          double.endAppends(how);
          double.faults.set({ stalled: false });
          (await Promise.all(results)).forEach((result, index) => {
            const { stream, events } = appends[index]!;
            expectOnce(stream, events, result);
          });
        });
      }
    });
  }

  it('tells a repetition by another process from an append of its own', async () => {
    const other = await createEventStoreDb({ url: double.url.replace('127.0.0.1', 'localhost') });
    const [stream, events] = [newStream(), things(3)];
    const results = await Promise.all([store, other].map((one) => one.append(stream, NO_STREAM, events)));
    expect(idsIn(stream)).to.have.lengthOf(3);
    const repeated = results.map((result) => result.outcome === 'appended' && result.repeated);
    expect(repeated).to.have.members([false, true]);
    await other.close();
  });

  it('is not repeated at the present revision of its stream, which the server would allow', async () => {
    const [stream, events] = [newStream(), things(2)];
    await store.append(stream, NO_STREAM, events);
    const other = await createEventStoreDb({ url: double.url });
    expect(await other.append(stream, 1n, events)).to.deep.include({ repeated: true, revision: 1n });
    expect(idsIn(stream)).to.have.lengthOf(2);
    await other.close();
  });

  it('sends only so many at once', async () => {
    await store.append(newStream(), NO_STREAM, ownThings(1));
    const before = double.counts.appends;
    const waiting = await createEventStoreDb({ url: double.url, attemptMs: 9_000 });
    double.faults.set({ stalled: true });
    const results = Array.from({ length: 200 }, () => waiting.append(newStream(), NO_STREAM, ownThings(1)));
    await eventually('they are there', () => double.counts.appends >= before + APPENDS_IN_FLIGHT_MAX);
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(double.counts.appends - before).to.equal(APPENDS_IN_FLIGHT_MAX);
    double.faults.set({ stalled: false });
    for (const result of await Promise.all(results)) expect(result.outcome).to.equal('appended');
    await waiting.close();
  });

  it('is refused in time by a server that does not answer, and is known afterwards', async () => {
    const hasty = await createEventStoreDb({ url: double.url, deadlineMs: 300 });
    const [stream, events] = [newStream(), things(2)];
    await hasty.append(newStream(), NO_STREAM, things(1));
    double.faults.set({ stalled: true });
    const began = performance.now();
    const error = await rejection(hasty.append(stream, NO_STREAM, events));
    expect(isRefusal(error) && error.kind).to.equal('unavailable');
    expect(performance.now() - began).to.be.within(290, 2_500);
    double.faults.set({ stalled: false });
    expect(await store.append(stream, NO_STREAM, events)).to.deep.include({ outcome: 'appended', revision: 1n });
    expect(idsIn(stream)).to.have.lengthOf(2);
    await hasty.close();
  });

  it('goes on with a new client when the old one has kept an error for good', async () => {
    await store.close();
    double.faults.set({ featuresFailing: 1 });
    store = await createEventStoreDb({ url: double.url, attemptMs: ATTEMPT_MS });
    const [stream, events] = [newStream(), things(1)];
    double.faults.set({ featuresFailing: 1 });
    const fresh = await createEventStoreDb({
      url: double.url.replace('127.0.0.1', 'localhost'),
      attemptMs: ATTEMPT_MS,
    });
    expectOnce(stream, events, await fresh.append(stream, NO_STREAM, events));
    expect(double.faults.now.featuresFailing).to.equal(0);
    await fresh.close();
  });

  it('appends each acknowledged event exactly once to a server that goes down again and again', async () => {
    const acknowledged: string[] = [];
    let running = true;
    const breaker = (async () => {
      for (let times = 0; times < 5; times += 1) {
        const from = acknowledged.length;
        await eventually('some have got through', () => acknowledged.length >= from + 20, 30_000);
        await double.goDown();
        await double.comeUp();
      }
      running = false;
    })();
    await Promise.all(
      Array.from({ length: 16 }, async () => {
        const stream = newStream();
        for (let revision = NO_STREAM; running || revision < 5n;) {
          const events = [thing(), thing()];
          const at = revision;
          // While the server is down, the append may fail as unavailable. A repeated append still has one effect.
          const result = await eventually(
            'the append is answered',
            () => store.append(stream, at, events).catch(unlessUnavailable),
            30_000,
          );
          if (result.outcome !== 'appended') throw new Error(`${stream} is at ${result.actual}, not ${revision}`);
          acknowledged.push(...events.map(({ id }) => id));
          revision = result.revision;
        }
      }),
    );
    await breaker;
    expect((await wholeLog(store)).map(({ id }) => id).sort()).to.deep.equal(acknowledged.sort());
  }).timeout(120_000);

  it('takes no more time of each than it has when all answers are slow', async () => {
    double.faults.set({ slowMs: 40 });
    const results = await Promise.all(
      Array.from({ length: 128 }, () => store.append(newStream(), NO_STREAM, ownThings(1))),
    );
    for (const result of results) expect(result).to.include({ outcome: 'appended', repeated: false });
  });
});

describe('a cluster of EventStoreDB', () => {
  it('is appended to at its current leader', async () => {
    const first = await startEventStoreDouble();
    const second = await startEventStoreDouble({ cluster: first.cluster });
    const url = `esdb://127.0.0.1:${second.port},127.0.0.1:${first.port}?tls=false`;
    const store = await createEventStoreDb({ url, attemptMs: ATTEMPT_MS });
    const stream = newStream();
    await store.append(stream, NO_STREAM, things(1));
    expect([first.counts.appends > 0, second.counts.appends]).to.deep.equal([true, 0]);
    first.cluster.leader = second.port;
    first.endAppends('with an error');
    first.faults.set({ notLeader: 1 });
    await store.append(stream, 0n, things(2));
    await store.append(stream, 2n, things(1));
    expect(second.counts.appends).to.be.greaterThan(0);
    expect((await store.read(stream)).map(({ revision }) => revision)).to.deep.equal([0n, 1n, 2n, 3n]);
    await store.close();
    await Promise.all([first.stop(), second.stop()]);
  });

  it('sends clients that know only a follower to the leader', async () => {
    const leader = await startEventStoreDouble();
    const follower = await startEventStoreDouble({ cluster: leader.cluster });
    const store = await createEventStoreDb({ url: follower.url, attemptMs: ATTEMPT_MS });
    const stream = newStream();
    await store.append(stream, NO_STREAM, things(2));
    expect(await store.read(stream)).to.have.lengthOf(2);
    expect([leader.counts.appends > 0, follower.counts.appends]).to.deep.equal([true, 0]);
    await store.close();
    await Promise.all([leader.stop(), follower.stop()]);
  });
});
