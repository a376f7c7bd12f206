import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import fc from 'fast-check';
import type { Parking } from '../../../src/engine/follow/deadLetters.ts';
import type { RecordedEvent } from '../../../src/eventstore/eventStore.ts';
import { fold, plan, type Rows } from '../../../src/engine/project/apply.ts';
import { createLinger } from '../../../src/engine/follow/linger.ts';
import { prepare } from '../../../src/engine/project/validate.ts';
import { replay, type Projection } from '../../../src/engine/project/projection.ts';
import { createRefold, type Shadow } from '../../../src/engine/rebuild/refold.ts';
import { textArray } from '../../../src/engine/project/statements.ts';

interface Counter {
  readonly id: string;
  readonly total: number;
  readonly last: string | null;
}

interface Counted {
  readonly ids: readonly string[];
  readonly add: number | null;
}

/** Adds to every counter that the event names. `null` removes them. 13 throws at the last of them, and then none may change. */
const counters: Projection<Counter> = {
  name: 'counters',
  table: 'counters',
  key: 'id',
  of: 'counter',
  columns: { id: 'text', total: 'int', last: 'text' },
  on: {
    Counted: {
      key: (event) => (event.data as Counted).ids,
      row: (row, event, id) => {
        const { add, ids } = event.data as Counted;
        if (add === null) return null;
        if (add === 13 && id === ids.at(-1)) throw new Error('unlucky');
        return { id, total: (row?.total ?? 0) + add, last: event.id };
      },
    },
  },
};
const prepared = prepare(counters as unknown as Projection);

const counted = (position: number, stream: string, data: Counted): RecordedEvent => ({
  id: randomUUID(),
  type: 'Counted',
  data,
  stream,
  revision: BigInt(position),
  position: BigInt(position),
  metadata: { commandId: '', command: '', correlationId: '', actor: '', occurredAt: '', schema: 1 },
});

const aLog = fc
  .array(
    fc.record({
      stream: fc.constantFrom('counter-1', 'counter-2', 'other-1'),
      ids: fc.array(fc.constantFrom('a', 'b', 'c', 'd', 'e'), { maxLength: 3 }),
      add: fc.option(fc.integer({ min: 0, max: 13 })),
    }),
    { maxLength: 40 },
  )
  .map((entries) => entries.map(({ stream, ...data }, index) => counted(index + 1, stream, data)));

/** The expected result, event by event. An event that fails stops its stream. */
function oneByOne(events: readonly RecordedEvent[]): { rows: Record<string, unknown>; parked: string[] } {
  const blocked = new Set<string>();
  const applied: RecordedEvent[] = [];
  const parked: string[] = [];
  for (const event of events) {
    const { add, ids } = event.data as Counted;
    if (blocked.has(event.stream) || (add === 13 && ids.length > 0)) {
      blocked.add(event.stream);
      parked.push(event.id);
    } else applied.push(event);
  }
  const rows: Record<string, unknown> = {};
  for (const id of ['a', 'b', 'c', 'd', 'e']) {
    const row = replay(counters, id, applied);
    if (row !== undefined) rows[id] = row;
  }
  return { rows, parked: parked.sort() };
}

const rowsOf = (rows: Rows): Record<string, unknown> =>
  Object.fromEntries([...rows].flatMap(([id, { row }]) => (row === undefined ? [] : [[id, row]])));

describe('A batch of events', () => {
  it('comes to the same rows however the log is cut into batches', () => {
    fc.assert(
      fc.property(aLog, fc.integer({ min: 1, max: 40 }), (events, size) => {
        const table: Rows = new Map();
        const blocked = new Set<string>();
        const parked: string[] = [];
        for (let at = 0; at < events.length; at += size) {
          const batch = plan(prepared, events.slice(at, at + size), blocked);
          const rows: Rows = new Map([...table].filter(([id]) => batch.keys.has(id)));
          const parkings = [...batch.parkings, ...fold(prepared, batch.touches, rows)];
          for (const { event } of parkings) {
            blocked.add(event.stream);
            parked.push(event.id);
          }
          for (const [id, held] of rows) {
            if (held.row === undefined) table.delete(id);
            else table.set(id, held);
          }
        }
        expect({ rows: rowsOf(table), parked: parked.sort() }).to.deep.equal(oneByOne(events));
      }),
    );
  });

  it('comes to the same rows however few of them a rebuild may hold', async () => {
    await fc.assert(
      fc.asyncProperty(aLog, fc.integer({ min: 0, max: 5 }), async (events, rowsMax) => {
        const table: Rows = new Map();
        const write = (rows: Rows): Promise<void> => {
          for (const [id, held] of rows) {
            if (held.row === undefined) table.delete(id);
            else table.set(id, { ...held, changed: false });
          }
          return Promise.resolve();
        };
        const shadow: Shadow = {
          load: (ids) =>
            Promise.resolve(new Map([...ids].flatMap((id) => (table.has(id) ? [[id, { ...table.get(id)! }]] : [])))),
          write,
          fill: write,
        };
        const parkings: Parking[] = [];
        const refold = createRefold(prepared, shadow, { blocked: new Set(), parkings }, rowsMax);
        for (let at = 0; at < events.length; at += 3) await refold.take(events.slice(at, at + 3));
        await refold.finish();
        const parked = parkings.map(({ event }) => event.id);
        expect({ rows: rowsOf(table), parked: parked.sort() }).to.deep.equal(oneByOne(events));
      }),
    );
  });

  it('changes all the rows that an event touches, or none', () => {
    const events = [
      counted(1, 'counter-1', { ids: ['a', 'b'], add: 1 }),
      counted(2, 'counter-1', { ids: ['a', 'b'], add: 13 }),
    ];
    const { touches } = plan(prepared, events, new Set());
    const rows: Rows = new Map();
    const [dead] = fold(prepared, touches, rows);
    expect(dead).to.include({ status: 'dead', reason: 'unlucky' });
    expect(rowsOf(rows)).to.deep.equal({
      a: { id: 'a', total: 1, last: events[0]!.id },
      b: { id: 'b', total: 1, last: events[0]!.id },
    });
  });

  it('gives a row the revision of its own category only, and the position of any', () => {
    const { touches } = plan(
      prepared,
      [counted(1, 'counter-1', { ids: ['a'], add: 1 }), counted(2, 'other-1', { ids: ['a', 'b'], add: 1 })],
      new Set(),
    );
    const rows: Rows = new Map();
    fold(prepared, touches, rows);
    expect([...rows].map(([id, { revision, position }]) => [id, revision, position])).to.deep.equal([
      ['a', 1n, 2n],
      ['b', -1n, 2n],
    ]);
  });
});

describe('The pause between the batches of a projection', () => {
  const pauseAt = (perSecond: number): number => {
    let now = 0;
    const linger = createLinger(() => now);
    let pauseMs = 0;
    for (let turn = 0; turn < 200; turn += 1) {
      now += 5;
      pauseMs = linger.after(perSecond / 200, now);
    }
    return pauseMs;
  };

  it('waits for nothing at a few events per second, and for milliseconds at thousands', () => {
    expect(pauseAt(50)).to.be.lessThan(1);
    expect(pauseAt(500)).to.be.within(1, 3);
    expect(pauseAt(100_000)).to.equal(10);
  });
});

describe('An array parameter', () => {
  it('says how long it and each of its texts are, in bytes, and which are null', () => {
    expect(textArray([]).toString('hex')).to.equal('000000000000000100000019');
    expect(textArray(['a', null, 'ä']).toString('hex')).to.equal(
      '00000001000000010000001900000003000000010000000161ffffffff00000002c3a4',
    );
  });
});
