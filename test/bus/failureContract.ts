import { expect } from 'chai';
import { Refusal } from '../../src/errors.ts';
import { eventually } from '../support/eventually.ts';
import { append, busBench, CONSUMER, numbered, n, poison, recorder, type BusWorld } from './world.ts';

/** Retries, dead letters and an operator's actions on them, as every adapter promises them. */
export function failureContract(name: string, open: () => Promise<BusWorld>): void {
  describe(`bus · ${name} · failures`, () => {
    const bench = busBench(open);

    it('tries a failing event again, ever later, and then goes on', async () => {
      const seen = recorder();
      const tries: { attempt: number; at: number }[] = [];
      const bus = await bench.run(
        ({ event, attempt }) => {
          if (n(event) === 0) tries.push({ attempt, at: performance.now() });
          if (n(event) === 0 && attempt < 4) return Promise.reject(new Error('not yet'));
          seen.finished.push(event);
          return Promise.resolve();
        },
        { retry: { attemptsMax: 5, delayMs: 20 } },
      );
      await append(bench.world.store, numbered('a', 2));
      await bench.caughtUp(bus);
      expect(tries.map(({ attempt }) => attempt)).to.deep.equal([1, 2, 3, 4]);
      const waits = tries.slice(1).map(({ at }, index) => at - tries[index]!.at);
      expect(waits[0]).to.be.at.least(9);
      expect(waits[1]).to.be.at.least(19);
      expect(waits[2]).to.be.at.least(39);
      expect(seen.of('a')).to.deep.equal([0, 1]);
      expect(await bench.letters()).to.deep.equal([]);
      expect((await bench.status(bus)).lastError).to.contain('not yet');
    });

    it('makes an event that keeps failing a dead letter; its stream waits, the others and the checkpoint go on', async () => {
      const seen = recorder();
      const bus = await bench.run(({ event }) => {
        if (event.stream === 'thing-sick' && n(event) === 1) throw new Error('poison');
        seen.finished.push(event);
        return Promise.resolve();
      });
      await append(bench.world.store, [...numbered('sick', 3), ...numbered('well', 3)]);
      await bench.caughtUp(bus);
      await append(bench.world.store, [...numbered('sick', 1, 'Happened', 3), ...numbered('well', 1, 'Happened', 3)]);
      await bench.caughtUp(bus);
      expect(seen.of('sick')).to.deep.equal([0]);
      expect(seen.of('well')).to.deep.equal([0, 1, 2, 3]);
      const parked = await bench.letters();
      expect(parked.map((letter) => [letter.n, letter.status])).to.deep.equal([
        ['1', 'dead'],
        ['2', 'waiting'],
        ['3', 'waiting'],
      ]);
      expect(parked[0]).to.include({ reason: 'poison', attempts: 3 });
      expect((await bench.status(bus)).deadLetters).to.equal(1);
    });

    it('takes a dead letter up again when asked, and what waited behind it in order', async () => {
      const seen = recorder();
      const { heal, strike } = poison();
      const bus = await bench.run(({ event }) => {
        if (n(event) === 0) strike();
        seen.finished.push(event);
        return Promise.resolve();
      });
      await append(bench.world.store, numbered('sick', 4));
      await bench.caughtUp(bus);
      await bench.ask('retry', 0);
      await eventually('it has failed again', async () => {
        const [letter] = await bench.letters();
        return letter!.status === 'dead' && letter!.attempts > 3;
      });
      heal();
      await bench.ask('retry', 0);
      await eventually('all are handled', () => seen.of('sick').length === 4);
      expect(seen.of('sick')).to.deep.equal([0, 1, 2, 3]);
      await eventually('all are settled', async () =>
        (await bench.letters()).every((letter) => letter.status === 'resolved'),
      );
      const acts = await bench.world.pool.query<{ act: string; actor: string }>(
        'SELECT act, actor FROM dead_letter_acts ORDER BY id',
      );
      expect(acts.rows.map(({ act, actor }) => [act, actor])).to.deep.equal([
        ['retry', 'cli'],
        ['dead', `system:${CONSUMER}`],
        ['retry', 'cli'],
        ...Array<[string, string]>(4).fill(['resolved', `system:${CONSUMER}`]),
      ]);
      await append(bench.world.store, numbered('sick', 1, 'Happened', 4));
      await bench.caughtUp(bus);
      expect(seen.of('sick')).to.deep.equal([0, 1, 2, 3, 4]);
    });

    it('passes over a dead letter when asked, and only over that', async () => {
      const seen = recorder();
      const bus = await bench.run(({ event }) => {
        if (n(event) === 0 || n(event) === 2) throw new Error('poison');
        seen.finished.push(event);
        return Promise.resolve();
      });
      await append(bench.world.store, numbered('sick', 4));
      await bench.caughtUp(bus);
      await bench.ask('skip', 0);
      await eventually('the next one is dead', async () => (await bench.letters())[2]!.status === 'dead');
      expect((await bench.letters()).map((letter) => letter.status)).to.deep.equal([
        'skipped',
        'resolved',
        'dead',
        'waiting',
      ]);
      expect(seen.of('sick')).to.deep.equal([1]);
    });

    it('outwaits a part that does not answer without using up attempts', async () => {
      const seen = recorder();
      const bus = await bench.run(
        ({ event, attempt }) => {
          if (attempt <= 8) throw new Refusal('unavailable', 'Away', 'not there');
          seen.finished.push(event);
          return Promise.resolve();
        },
        { retry: { delayMs: 1, delayMaxMs: 4 } },
      );
      await append(bench.world.store, numbered('a', 1));
      await bench.caughtUp(bus);
      expect(seen.of('a')).to.deep.equal([0]);
      expect(await bench.letters()).to.deep.equal([]);
    });

    it('does not wait for ever for a part that does not answer', async () => {
      const bus = await bench.run(
        () => {
          throw new Refusal('unavailable', 'Away', 'not there');
        },
        { retry: { delayMs: 5, delayMaxMs: 5 }, patienceMs: 60 },
      );
      await append(bench.world.store, numbered('a', 1));
      await bench.caughtUp(bus);
      const [letter] = await bench.letters();
      expect(letter).to.include({ status: 'dead', reason: 'Refusal: not there' });
      expect(letter!.attempts).to.be.greaterThan(3);
    });

    it('counts an attempt that takes too long as failed and tells the handler', async () => {
      const reasons: unknown[] = [];
      const bus = await bench.run(
        ({ signal }) =>
          new Promise((_, fail) => {
            signal.addEventListener('abort', () => {
              reasons.push(signal.reason);
              fail(new Error('told'));
            });
          }),
        { retry: { attemptsMax: 2, timeoutMs: 30, delayMs: 1 } },
      );
      await append(bench.world.store, numbered('a', 1));
      await bench.caughtUp(bus);
      expect(reasons).to.have.length(2);
      expect((await bench.letters())[0]).to.include({ status: 'dead', attempts: 2 });
    });

    it('makes an event that cannot be read a dead letter of its own stream', async () => {
      const seen = recorder();
      const bus = await bench.run(({ event }) => {
        expect(n(event)).to.be.a('number');
        seen.finished.push(event);
        return Promise.resolve();
      });
      const [poisoned] = numbered('sick', 1);
      const { event } = poisoned!;
      const unreadable = { ...event, metadata: { ...event.metadata, schema: 99 } };
      await append(bench.world.store, [{ stream: 'sick', event: unreadable }, ...numbered('sick', 1, 'Happened', 1)]);
      await append(bench.world.store, numbered('well', 2));
      await bench.caughtUp(bus);
      expect(seen.of('well')).to.deep.equal([0, 1]);
      expect(seen.of('sick')).to.deep.equal([]);
      const parked = await bench.letters();
      expect(parked.map(({ status, stream }) => [status, stream])).to.deep.equal([
        ['dead', 'thing-sick'],
        ['waiting', 'thing-sick'],
      ]);
      expect(parked[0]!.reason).to.contain('schema version 99');
    });

    it('knows no dead letter of another consumer', async () => {
      const bus = bench.world.bus();
      const seen = recorder();
      bus.subscribe({
        name: 'failing',
        types: ['Happened'],
        handle: () => Promise.reject(new Error('poison')),
      });
      bus.subscribe({
        name: 'healthy',
        types: ['Happened'],
        handle: ({ event }) => {
          seen.finished.push(event);
          return Promise.resolve();
        },
      });
      bench.started(bus);
      await bus.start();
      await append(bench.world.store, numbered('a', 2));
      await eventually('both have caught up', async () => (await bus.status()).every(({ lag }) => lag === 0n));
      expect(seen.of('a')).to.deep.equal([0, 1]);
      expect((await bus.status()).map(({ name: who, deadLetters }) => [who, deadLetters])).to.deep.equal([
        ['failing', 1],
        ['healthy', 0],
      ]);
    });
  });
}
