import { expect } from 'chai';
import { setTimeout as pause } from 'node:timers/promises';
import type { Delivery } from '../../src/bus/bus.ts';
import { eventually } from '../support/eventually.ts';
import { append, busBench, numbered, n, range, recorder, type BusWorld } from './world.ts';

/** Order, parallel streams, restarts and owners, as every adapter promises them. */
export function flowContract(name: string, open: () => Promise<BusWorld>): void {
  describe(`bus · ${name} · flow`, () => {
    const bench = busBench(open);

    it('hands over every wanted event once and in the order of its stream, 32 streams side by side', async () => {
      const streams = range(32).map((index) => `s${index}`);
      const all = range(20).flatMap((index) =>
        streams.flatMap((stream) => [
          ...numbered(stream, 1, 'Happened', index),
          ...(index % 5 === 0 ? numbered(stream, 1, 'Ignored', index) : []),
        ]),
      );
      const half = all.length / 2;
      await append(bench.world.store, all.slice(0, half));
      const seen = recorder();
      let running = 0;
      let together = 0;
      const bus = await bench.run(async ({ event }) => {
        running += 1;
        together = Math.max(together, running);
        await pause((n(event) * 7) % 5);
        running -= 1;
        seen.finished.push(event);
      });
      await append(bench.world.store, all.slice(half));
      await bench.caughtUp(bus);
      for (const stream of streams) expect(seen.of(stream)).to.deep.equal(range(20));
      expect(seen.finished.every((event) => event.type === 'Happened')).to.equal(true);
      expect(together).to.be.greaterThan(1);
    });

    it('lets a slow event hold up its own stream only', async () => {
      let release = (): void => undefined;
      const gate = new Promise<void>((resolve) => (release = resolve));
      const seen = recorder();
      const bus = await bench.run(async ({ event }) => {
        if (event.stream === 'thing-slow' && n(event) === 0) await gate;
        seen.finished.push(event);
      });
      await append(bench.world.store, [...numbered('slow', 3), ...numbered('quick', 300)]);
      await eventually('the quick stream is through', () => seen.of('quick').length === 300);
      expect(seen.of('slow')).to.deep.equal([]);
      expect((await bench.status(bus)).position).to.equal(0n);
      release();
      await bench.caughtUp(bus);
      expect(seen.of('slow')).to.deep.equal([0, 1, 2]);
    });

    it('keeps the order of a stream that piles up far behind a slow event', async () => {
      let release = (): void => undefined;
      const gate = new Promise<void>((resolve) => (release = resolve));
      const seen = recorder();
      const bus = await bench.run(async ({ event }) => {
        if (event.stream === 'thing-slow' && n(event) === 0) await gate;
        seen.finished.push(event);
      });
      await append(bench.world.store, [...numbered('slow', 700), ...numbered('quick', 20)]);
      await eventually('the quick stream is through', () => seen.of('quick').length === 20);
      release();
      await eventually('the slow stream is through', () => seen.of('slow').length === 700, 15_000);
      expect(seen.of('slow')).to.deep.equal(range(700));
      await append(bench.world.store, numbered('slow', 5, 'Happened', 700));
      await eventually('it flows on', () => seen.of('slow').length === 705);
      expect(seen.of('slow').slice(-5)).to.deep.equal([700, 701, 702, 703, 704]);
      await bench.caughtUp(bus);
    });

    it('goes on where it stopped: nothing is lost and nothing comes twice', async () => {
      const seen = recorder();
      const handle = async ({ event }: Delivery): Promise<void> => {
        await pause(n(event) % 3);
        seen.finished.push(event);
      };
      const streams = range(8).map((index) => `s${index}`);
      await append(
        bench.world.store,
        range(25).flatMap((index) => streams.flatMap((s) => numbered(s, 1, 'Happened', index))),
      );
      const first = await bench.run(handle);
      await eventually('it is in the midst of it', () => seen.finished.length >= 40);
      await first.stop();
      const stoppedAt = seen.finished.length;
      expect(stoppedAt).to.be.lessThan(200);
      await pause(20);
      expect(seen.finished.length).to.equal(stoppedAt);
      await bench.caughtUp(await bench.run(handle, { owner: 'second' }));
      for (const stream of streams) expect(seen.of(stream)).to.deep.equal(range(25));
    });

    it('hands over again what was under way when it was stopped', async () => {
      let deaf = true;
      const seen = recorder();
      const handle = async ({ event, signal }: Delivery): Promise<void> => {
        if (deaf && n(event) === 1) {
          await new Promise((_, fail) => {
            signal.addEventListener('abort', () => fail(signal.reason as Error));
          });
        }
        seen.finished.push(event);
      };
      await append(bench.world.store, [...numbered('a', 3), ...numbered('b', 1)]);
      const first = await bench.run(handle);
      await eventually('the other stream is through', () => seen.of('b').length === 1);
      await first.stop();
      deaf = false;
      await bench.caughtUp(await bench.run(handle, { owner: 'second' }));
      expect(seen.of('a')).to.deep.equal([0, 1, 2]);
      expect(seen.of('b')).to.deep.equal([0]);
    });

    it('has one owner at a time; another takes over when it goes', async () => {
      const first = recorder();
      const second = recorder();
      const into =
        (seen: ReturnType<typeof recorder>) =>
        ({ event }: Delivery): Promise<void> => {
          seen.finished.push(event);
          return Promise.resolve();
        };
      const one = await bench.run(into(first), { owner: 'one' });
      await append(bench.world.store, numbered('a', 1));
      await bench.caughtUp(one);
      const two = await bench.run(into(second), { owner: 'two' });
      await append(bench.world.store, numbered('a', 5, 'Happened', 1));
      await bench.caughtUp(two);
      expect(first.of('a')).to.deep.equal(range(6));
      await one.stop();
      await append(bench.world.store, numbered('a', 2, 'Happened', 6));
      await eventually('the other has taken over', () => second.of('a').length === 2);
      expect(second.of('a')).to.deep.equal([6, 7]);
    });
  });
}
