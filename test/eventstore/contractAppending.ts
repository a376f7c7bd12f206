import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import { isRefusal } from '../../src/errors.ts';
import {
  APPEND_BYTES_MAX,
  APPEND_EVENTS_MAX,
  NO_STREAM,
  type AppendResult,
  type NewEvent,
} from '../../src/eventstore/eventStore.ts';
import { newStream, thing, things, wholeLog } from '../support/events.ts';
import { rejection } from '../support/rejection.ts';
import type { Subject } from './contract.ts';

const appended = (result: AppendResult): { position: bigint; revision: bigint; repeated: boolean } => {
  if (result.outcome !== 'appended') throw new Error(`a conflict: the stream is at ${result.actual}`);
  return result;
};

export function appending({ store, open, shared, contiguous, idsUniqueInLog }: Subject): void {
  const append = (stream: string, expected: bigint, events: readonly NewEvent[]): Promise<AppendResult> =>
    store().append(stream, expected, events);

  it('answers with the place of the last event', async () => {
    const stream = newStream();
    const before = (await store().head()).position;
    const first = appended(await append(stream, NO_STREAM, things(3)));
    const second = appended(await append(stream, 2n, things(2)));
    expect([first.revision, second.revision, first.repeated]).to.deep.equal([2n, 4n, false]);
    if (contiguous) expect([first.position, second.position]).to.deep.equal([before + 3n, before + 5n]);
    expect(second.position > first.position).to.equal(true);
  });

  it('gives back exactly what was appended', async () => {
    const stream = newStream();
    const data = {
      z: 1,
      a: { text: 'Grüße, 世界 🎉 "quoted" \\ \n \\u0000', list: [1, 2.5, -1e-7, true, null, {}, []] },
      empty: '',
      big: Number.MAX_SAFE_INTEGER,
    };
    const event = { ...thing(data), type: 'Ünïcode' };
    await append(stream, NO_STREAM, [event]);
    const [read] = await store().read(stream);
    expect(read).to.deep.include({ ...event, stream, revision: 0n });
    expect(JSON.stringify(read?.data)).to.equal(JSON.stringify(data));
  });

  it('appends at the expected revision only, and tells the actual one', async () => {
    const stream = newStream();
    expect(await append(stream, 0n, things(1))).to.deep.equal({ outcome: 'conflict', actual: NO_STREAM });
    await append(stream, NO_STREAM, things(2));
    for (const expected of [NO_STREAM, 0n, 2n, 99n]) {
      expect(await append(stream, expected, things(2))).to.deep.equal({ outcome: 'conflict', actual: 1n });
    }
    expect(await store().read(stream)).to.have.lengthOf(2);
  });

  it('lets one of many win each revision', async () => {
    const stream = newStream();
    for (const expected of [NO_STREAM, 0n, 1n]) {
      const results = await Promise.all(Array.from({ length: 20 }, () => append(stream, expected, things(1))));
      expect(results.filter(({ outcome }) => outcome === 'appended')).to.have.lengthOf(1);
      for (const result of results) if (result.outcome === 'conflict') expect(result.actual).to.equal(expected + 1n);
    }
    expect(await store().read(stream)).to.have.lengthOf(3);
  });

  it('answers each of many appends made at once for itself', async () => {
    const [taken, free, chained] = [newStream(), newStream(), newStream()];
    const again = things(2);
    await append(taken, NO_STREAM, again);
    const [repeated, conflict, fresh, first, second, third] = await Promise.all([
      append(taken, NO_STREAM, again),
      append(taken, NO_STREAM, things(1)),
      append(free, NO_STREAM, things(1)),
      append(chained, NO_STREAM, things(2)),
      append(chained, 1n, things(1)),
      append(chained, 1n, things(1)),
    ]);
    expect(repeated).to.deep.include({ outcome: 'appended', revision: 1n, repeated: true });
    expect(conflict).to.deep.equal({ outcome: 'conflict', actual: 1n });
    expect(fresh).to.deep.include({ outcome: 'appended', revision: 0n, repeated: false });
    expect(first).to.deep.include({ outcome: 'appended', revision: 1n });
    expect(second).to.deep.include({ outcome: 'appended', revision: 2n });
    expect(third).to.deep.equal({ outcome: 'conflict', actual: 2n });
  });

  describe('the same events again', () => {
    it('changes nothing and answers with their place', async () => {
      const stream = newStream();
      const events = things(3);
      const first = appended(await append(stream, NO_STREAM, events));
      await append(stream, 2n, things(2));
      for (const expected of [NO_STREAM, 4n, 7n]) {
        expect(await append(stream, expected, events)).to.deep.equal({ ...first, repeated: true });
      }
      expect(await store().read(stream)).to.have.lengthOf(5);
    });

    it('at the same time is appended once', async () => {
      const stream = newStream();
      const events = things(2);
      const results = await Promise.all(Array.from({ length: 10 }, () => append(stream, NO_STREAM, events)));
      expect(results.map((result) => appended(result).revision)).to.deep.equal(Array<bigint>(10).fill(1n));
      expect(results.filter((result) => !appended(result).repeated)).to.have.lengthOf(1);
      expect(await store().read(stream)).to.have.lengthOf(2);
    });

    it('with others beside them is no repetition, and changes nothing', async () => {
      const stream = newStream();
      const events = things(2);
      await append(stream, NO_STREAM, events);
      expect(await append(stream, NO_STREAM, [...events, thing()])).to.deep.equal({ outcome: 'conflict', actual: 1n });
      expect(await rejection(append(stream, 1n, [thing(), ...events]))).to.be.instanceOf(Error);
      expect(await store().read(stream)).to.have.lengthOf(2);
    });

    if (idsUniqueInLog)
      it('in another stream is an error that fails no other append', async () => {
        const [stream, other, bystander] = [newStream(), newStream(), newStream()];
        const events = things(1);
        await append(stream, NO_STREAM, events);
        const failing = rejection(append(other, NO_STREAM, events));
        const fine = await Promise.all([append(bystander, NO_STREAM, things(1)), append(stream, 0n, things(1))]);
        expect(await failing).to.be.instanceOf(Error);
        expect(fine.map((result) => appended(result).revision)).to.deep.equal([0n, 1n]);
        expect(await store().read(other)).to.deep.equal([]);
      });
  });

  describe('data that the log cannot keep', () => {
    const refusals: [string, NewEvent[], string][] = [
      ['too many events', things(APPEND_EVENTS_MAX + 1), 'AppendTooLarge'],
      ['too many bytes', [thing({ text: 'x'.repeat(APPEND_BYTES_MAX) })], 'AppendTooLarge'],
      [
        'too many bytes in many events',
        things(5).map((event) => ({ ...event, data: { text: 'ü'.repeat(60_000) } })),
        'AppendTooLarge',
      ],
      ['the NUL character', [thing({ list: [{ text: 'a\0b' }] })], 'InvalidInput'],
      ['the NUL character in a key', [thing({ 'a\0b': 1 })], 'InvalidInput'],
    ];
    for (const [what, events, rule] of refusals) {
      it(`is refused: ${what}`, async () => {
        const stream = newStream();
        const error = await rejection(append(stream, NO_STREAM, events));
        expect(isRefusal(error) && error.rule).to.equal(rule);
        expect(await store().read(stream)).to.deep.equal([]);
      });
    }

    const mistakes: [string, readonly unknown[]][] = [
      ['no event at all', []],
      ['NaN', [thing({ price: Number.NaN })]],
      ['undefined', [thing({ price: undefined })]],
      ['undefined in a list', [thing({ prices: [1, undefined] })]],
      ['a bigint', [thing({ price: 1n })]],
      ['a date', [thing({ at: new Date(0) })]],
      ['a map', [thing({ prices: new Map() })]],
      ['a function', [thing({ price: () => 1 })]],
      ['a list instead of data', [thing([])]],
      ['an id that is no uuid', [thing({}, 'one')]],
      ['an event without a type', [{ ...thing(), type: '' }]],
    ];
    for (const [what, events] of mistakes) {
      it(`is a mistake of the caller: ${what}`, async () => {
        const stream = newStream();
        expect(await rejection(append(stream, NO_STREAM, events as NewEvent[]))).to.be.instanceOf(TypeError);
        expect(await store().read(stream)).to.deep.equal([]);
      });
    }

    it('is not an append of just as much as is allowed', async () => {
      const stream = newStream();
      const room = APPEND_BYTES_MAX - JSON.stringify(thing().metadata).length - JSON.stringify({ text: '' }).length;
      const text = 'x'.repeat(room);
      await append(stream, NO_STREAM, [thing({ text })]);
      await append(stream, 0n, things(APPEND_EVENTS_MAX));
      expect((await store().read(stream))[0]?.data).to.deep.equal({ text });
      const error = await rejection(append(stream, 100n, [thing({ text: `${text}x` })]));
      expect(isRefusal(error) && error.kind).to.equal('rejected');
    });

    it('is not text that merely looks like an escaped NUL', async () => {
      const stream = newStream();
      const data = { text: '\\u0000 and \\\\u0000' };
      await append(stream, NO_STREAM, [thing(data)]);
      expect((await store().read(stream))[0]?.data).to.deep.equal(data);
    });
  });

  if (shared) describe('in several processes', () => appendingTogether({ store, open }));
}

function appendingTogether({ store, open }: Pick<Subject, 'store' | 'open'>): void {
  it('refuses what comes after it was closed', async () => {
    const closed = await open();
    await closed.close();
    const error = await rejection(closed.append(newStream(), NO_STREAM, things(1)));
    expect(isRefusal(error) && error.kind).to.equal('unavailable');
  });

  it('answers everything that was under way when it was closed', async () => {
    const closing = await open();
    const stream = `closing-${randomUUID()}`;
    const results = Array.from({ length: 100 }, (_, index) =>
      closing.append(`${stream}${index}`, NO_STREAM, things(1)),
    );
    await closing.close();
    for (const result of await Promise.all(results)) expect(result.outcome).to.equal('appended');
  });

  it('keeps what it acknowledged when it is opened again', async () => {
    const stream = newStream();
    const first = await open();
    const events = things(10);
    await first.append(stream, NO_STREAM, events);
    const head = await first.head();
    await first.close();
    const second = await open();
    expect((await second.read(stream)).map(({ id }) => id)).to.deep.equal(events.map(({ id }) => id));
    expect((await second.head()).epoch).to.equal(head.epoch);
    expect((await second.head()).position >= head.position).to.equal(true);
    await second.close();
  });

  it('keeps one order over several processes', async () => {
    const stream = newStream();
    const [one, two] = await Promise.all([open(), open()]);
    const from = (await store().head()).position;
    let wins = 0;
    await Promise.all(
      [one, two, store()].map(async (process) => {
        for (let revision = NO_STREAM; revision < 40n;) {
          const result = await process.append(stream, revision, things(1));
          if (result.outcome === 'appended') wins += 1;
          revision = result.outcome === 'appended' ? result.revision : result.actual;
        }
      }),
    );
    const events = await wholeLog(store(), from);
    expect(events.map(({ revision }) => revision)).to.deep.equal(
      Array.from({ length: wins }, (_, index) => BigInt(index)),
    );
    await Promise.all([one.close(), two.close()]);
  });
}
