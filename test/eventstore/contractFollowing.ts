import { setImmediate } from 'node:timers/promises';
import { expect } from 'chai';
import { NO_STREAM, type EventStore, type RecordedEvent } from '../../src/eventstore/eventStore.ts';
import { eventually } from '../support/eventually.ts';
import { following as follow, newStream, things, wholeLog } from '../support/events.ts';
import type { Subject } from './contract.ts';

const WRITERS = 32;
const APPENDS_EACH = 40;

/** Fails unless these events are the log after `from`: in order, each once, none missing, streams without gaps. */
function expectWhole(events: readonly RecordedEvent[], contiguous: boolean, from: bigint): void {
  let last = from;
  const streams = new Map<string, bigint>();
  for (const { position, stream, revision } of events) {
    if (contiguous ? position !== last + 1n : position <= last) throw new Error(`${position} after ${last}`);
    if (revision !== (streams.get(stream) ?? NO_STREAM) + 1n) throw new Error(`${stream} has a hole at ${revision}`);
    last = position;
    streams.set(stream, revision);
  }
}

async function burst(stores: readonly EventStore[], count = APPENDS_EACH): Promise<number> {
  let events = 0;
  await Promise.all(
    Array.from({ length: WRITERS }, async (_, writer) => {
      const store = stores[writer % stores.length]!;
      const stream = newStream();
      for (let revision = NO_STREAM, n = 0; n < count; n += 1) {
        const size = 1 + ((writer + n) % 3);
        const result = await store.append(stream, revision, things(size));
        if (result.outcome !== 'appended') throw new Error('nobody else writes there');
        revision = result.revision;
        events += size;
      }
    }),
  );
  return events;
}

export function following({ store, open, shared, contiguous }: Subject): void {
  let from: bigint;
  beforeEach(async () => {
    from = (await store().head()).position;
  });

  it(`skips nothing while ${WRITERS} writers append`, async () => {
    const live = follow(store(), from);
    const small = follow(store(), from, 3);
    const written = await burst([store()]);
    const behind = follow(store(), from, 50);
    const all = [live, small, behind];
    await eventually('all have it all', () => all.every(({ seen }) => seen.length >= written));
    for (const follower of all) {
      await follower.stop();
      expect(follower.seen).to.have.lengthOf(written);
      expectWhole(follower.seen, contiguous, from);
    }
    expect(Math.max(...small.batches)).to.be.at.most(3);
    expect(Math.max(...behind.batches)).to.be.at.most(50);
  });

  if (shared) {
    it('skips nothing while several processes append and follow', async () => {
      const others = await Promise.all([open(), open()]);
      const stores = [store(), ...others];
      const followers = stores.map((process) => follow(process, from));
      const written = await burst(stores);
      await eventually('all have it all', () => followers.every(({ seen }) => seen.length >= written));
      for (const follower of followers) {
        await follower.stop();
        expectWhole(follower.seen, contiguous, from);
        expect(follower.seen).to.have.lengthOf(written);
      }
      await Promise.all(others.map((process) => process.close()));
    });
  }

  it('gives what readers get', async () => {
    const follower = follow(store(), from);
    await burst([store()], 3);
    const read = await wholeLog(store(), from);
    await eventually('it has it all', () => follower.seen.length >= read.length);
    await follower.stop();
    expect(follower.seen).to.deep.equal(read);
  });

  it('starts anywhere in the log', async () => {
    await burst([store()], 2);
    const whole = await wholeLog(store(), from);
    const middle = whole[20]!.position;
    const follower = follow(store(), middle, 7);
    await eventually('it has it all', () => follower.seen.length >= whole.length - 21);
    await follower.stop();
    expect(follower.seen).to.deep.equal(whole.slice(21));
  });

  it('waits for what is not there yet, and ends when it is told to', async () => {
    const follower = follow(store(), from);
    const stream = newStream();
    for (let round = 0n; round < 5n; round += 1n) {
      await store().append(stream, round - 1n, things(1));
      await eventually('it has been told', () => follower.seen.length === Number(round) + 1);
    }
    await follower.stop();
    await store().append(stream, 4n, things(1));
    await setImmediate();
    expect(follower.seen).to.have.lengthOf(5);
  });

  it('ends at once when it was told to before it began, or while it waits', async () => {
    const signal = AbortSignal.abort();
    for await (const events of store().follow(from, { signal })) throw new Error(`${events.length} events`);
    const ending = new AbortController();
    const waiting = store().follow(from, { signal: ending.signal })[Symbol.asyncIterator]().next();
    await setImmediate();
    ending.abort();
    expect(await waiting).to.deep.equal({ done: true, value: undefined });
  });

  it('lets a slow follower take its time', async () => {
    const ending = new AbortController();
    const seen: RecordedEvent[] = [];
    let written = Infinity;
    const slow = (async () => {
      for await (const events of store().follow(from, { signal: ending.signal, limit: 100 })) {
        seen.push(...events);
        await new Promise((resolve) => setTimeout(resolve, 2));
        if (seen.length >= written) break;
      }
    })();
    written = await burst([store()], 20);
    await slow;
    expectWhole(seen, contiguous, from);
    expect(seen).to.have.lengthOf(written);
    ending.abort();
  });
}
