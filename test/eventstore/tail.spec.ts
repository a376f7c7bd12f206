import { setImmediate } from 'node:timers/promises';
import { expect } from 'chai';
import { unavailable } from '../../src/errors.ts';
import type { RecordedEvent } from '../../src/eventstore/eventStore.ts';
import type { SizedEvent } from '../../src/eventstore/recent.ts';
import { createTail, type Tail, type TailSource } from '../../src/eventstore/tail.ts';
import { eventually } from '../support/eventually.ts';
import { rejection } from '../support/rejection.ts';

const sized = (position: number): SizedEvent => ({
  event: { position: BigInt(position) } as RecordedEvent,
  bytes: 1,
});
const range = (from: number, to: number): SizedEvent[] =>
  Array.from({ length: to - from + 1 }, (_, index) => sized(from + index));

describe('the tail of the log', () => {
  let log: SizedEvent[];
  let pages: [after: bigint, limit: number][];
  let failing: Error | undefined;
  let tail: Tail;
  let ending: AbortController;
  let seen: number[];
  let meanwhile: () => void;
  const source: TailSource = {
    async page(after, limit) {
      pages.push([after, limit]);
      const found = log.filter(({ event }) => event.position > after).slice(0, limit);
      await setImmediate();
      meanwhile();
      if (failing !== undefined) throw failing;
      return found;
    },
    async head() {
      await setImmediate();
      if (failing !== undefined) throw failing;
      return { epoch: 'e', position: BigInt(log.length) };
    },
    isFatal: (error) => (error as Error).message === 'fatal',
    appending: () => false,
  };
  const follow = async (after: bigint, limit = 100): Promise<void> => {
    for await (const events of tail.follow(after, { signal: ending.signal, limit })) {
      seen.push(...events.map(({ position }) => Number(position)));
    }
  };
  const numbers = (from: number, to: number): number[] => range(from, to).map(({ event }) => Number(event.position));

  beforeEach(() => {
    [log, pages, seen, failing, ending] = [[], [], [], undefined, new AbortController()];
    meanwhile = () => undefined;
    tail = createTail(source);
  });
  afterEach(() => tail.close());

  it('pages followers that are behind, then gives what is offered without reading it again', async () => {
    log = range(1, 250);
    const following = follow(0n);
    await eventually('it has caught up', () => seen.length === 250);
    await eventually('the reader waits', () => pages.some(([after]) => after === 250n));
    const before = pages.length;
    log.push(...range(251, 260));
    tail.offer(range(251, 260));
    await eventually('it has them', () => seen.length === 260);
    expect(pages.slice(before).filter(([after]) => after < 260n)).to.deep.equal([]);
    expect(seen).to.deep.equal(numbers(1, 260));
    ending.abort();
    await following;
  });

  it('reads the next page while one is worked on, and misses nothing that comes meanwhile', async () => {
    log = range(1, 200);
    const following = (async () => {
      for await (const events of tail.follow(0n, { signal: ending.signal, limit: 100 })) {
        seen.push(...events.map(({ position }) => Number(position)));
        const next = events.at(-1)!.position;
        const reads = (): number => pages.filter(([after, limit]) => after === next && limit === 100).length;
        await eventually('the next page was asked for', () => reads() === 1);
        if (next < 200n) continue;
        // The next page was empty when it was read. An event arrives before any follower looks at it.
        await setImmediate();
        log.push(sized(201));
        tail.wake(201n);
        await eventually('the reader has it', () => pages.some(([after]) => after === 201n));
        return;
      }
    })();
    const all = (async () => {
      for await (const events of tail.follow(0n, { signal: ending.signal, limit: 200 })) {
        await eventually('the reader has more', () => log.length === 201);
        await setImmediate();
        if (events.at(-1)!.position === 201n) return 'told';
      }
      return 'over';
    })();
    await following;
    expect(seen).to.deep.equal(numbers(1, 200));
    expect(await all).to.equal('told');
    ending.abort();
  });

  it('misses nothing that is offered while a follower is looking elsewhere', async () => {
    const waiting = follow(0n);
    await eventually('the reader waits', () => pages.length > 1);
    // This follower starts behind the tail and finds nothing in the table. Before it begins to wait, the tail is told of event 1.
    tail.close();
    ending.abort();
    await waiting;
    [ending, tail, pages, seen] = [new AbortController(), createTail(source), [], []];
    let offered = false;
    meanwhile = () => {
      if (offered) return;
      offered = true;
      log.push(sized(1));
      tail.wake(1n);
    };
    const following = follow(0n);
    await eventually('it has it', () => seen.length === 1);
    ending.abort();
    await following;
  });

  it('reads what others have appended as soon as it is told', async () => {
    const following = follow(0n);
    await eventually('the reader waits', () => pages.length > 0);
    log.push(...range(1, 3));
    tail.wake(3n);
    await eventually('it has them', () => seen.length === 3);
    log.push(...range(4, 5));
    tail.offer([sized(5)]);
    await eventually('it has them', () => seen.length === 5);
    expect(seen).to.deep.equal(numbers(1, 5));
    ending.abort();
    await following;
  });

  it('finds new events by polling without a wake-up', async () => {
    const following = follow(0n);
    await eventually('the reader waits', () => pages.length > 0);
    log.push(sized(1));
    await eventually('it has it', () => seen.length === 1, 2_000);
    ending.abort();
    await following;
  });

  it('reads once for many followers', async () => {
    const followers = Array.from({ length: 10 }, () => follow(0n));
    await eventually('the reader waits', () => pages.length > 10);
    const before = pages.length;
    log.push(...range(1, 50));
    tail.wake(50n);
    await eventually('all have it', () => seen.length === 500);
    expect(pages.slice(before).filter(([after]) => after === 0n).length).to.be.at.most(2);
    ending.abort();
    await Promise.all(followers);
    expect(tail.active).to.equal(false);
  });

  it('goes on after any failure of the database, but not when the log is damaged', async () => {
    log = range(1, 10);
    failing = unavailable('Gone', 'Gone.');
    const following = follow(0n, 4);
    await eventually('it has tried', () => pages.length >= 2);
    failing = undefined;
    await eventually('it has it all', () => seen.length === 10);
    expect(seen).to.deep.equal(numbers(1, 10));
    failing = new Error('fatal');
    expect((await rejection(following)).message).to.equal('fatal');
    failing = undefined;
    const again = follow(10n);
    log.push(sized(11));
    await eventually('it can be followed again', () => seen.length === 11);
    ending.abort();
    await again;
  });
});
