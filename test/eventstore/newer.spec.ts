import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import { NO_STREAM, type EventStore, type NewEvent, type RecordedEvent } from '../../src/eventstore/eventStore.ts';
import { isNewerVersion, knownOnly } from '../../src/eventstore/newer.ts';
import { scan } from '../../src/eventstore/scan.ts';
import { complete, poisonOf, upcasting } from '../../src/eventstore/upcast.ts';
import { createMemoryEventStore } from '../support/memoryStore.ts';

const event = (type: string, schema = 1): NewEvent => ({
  id: randomUUID(),
  type,
  data: { amount: 1 },
  metadata: {
    ...{ commandId: randomUUID(), command: 'Test', correlationId: 'x', actor: 'test' },
    ...{ occurredAt: '2026-11-21T08:40:00.123Z', schema },
  },
});

const KNOWN = complete({ Renamed: [(data) => ({ ...data, formerName: null })] }, ['Opened', 'Renamed']);

describe('an event that only a newer version knows', () => {
  const stream = `account-${randomUUID()}`;
  let raw: EventStore;

  beforeEach(() => {
    raw = createMemoryEventStore();
  });

  const append = (...events: NewEvent[]): Promise<unknown> => raw.append(stream, NO_STREAM, events);

  /** The events that a follower gets, and the error at its end. */
  async function followed(store: EventStore, until: number): Promise<{ types: string[]; error?: unknown }> {
    const stop = new AbortController();
    const types: string[] = [];
    try {
      for await (const events of knownOnly(store.follow(0n, { signal: stop.signal }))) {
        types.push(...events.map(({ type }) => type));
        if (types.length >= until) stop.abort();
      }
    } catch (error) {
      return { types, error };
    }
    return { types };
  }

  for (const [what, newer] of [
    ['of an unknown type', event('Blessed')],
    ['of a later version of its data', event('Renamed', 3)],
    ['named like a property of every object', event('constructor')],
  ] as const) {
    it(`${what} stops a follower, after the events before it`, async () => {
      await append(event('Opened'), event('Renamed', 1), newer, event('Opened'));
      const { types, error } = await followed(upcasting(raw, KNOWN), 4);
      expect(types).to.deep.equal(['Opened', 'Renamed']);
      expect(isNewerVersion(error)).to.equal(true);
      expect((error as Error).message).to.contain(newer.type);
    });

    it(`${what} is passed on request, and is told of in any case`, async () => {
      await append(event('Opened'), newer, event('Opened'));
      const met: string[] = [];
      const onMet = ({ type }: { type: string }): void => void met.push(type);
      const passing = upcasting(raw, KNOWN, { pass: true, met: onMet });
      expect((await followed(passing, 3)).types).to.deep.equal(['Opened', newer.type, 'Opened']);
      expect(met).to.include(newer.type);
    });

    it(`${what} can be copied, and its data are not shown`, async () => {
      await append(event('Opened'), newer);
      for (const pass of [false, true]) {
        const [, unread] = await upcasting(raw, KNOWN, { pass }).read(stream);
        expect(poisonOf(unread!)).to.include({ type: newer.type });
        expect(() => unread!.data).to.throw(newer.type);
        expect(() => unread!.metadata).to.throw(newer.type);
      }
    });
  }

  it('ends a scan for other types: a rebuild does not leave it out', async () => {
    await append(event('Opened'), event('Blessed'), event('Opened'));
    const range = { types: ['Opened'], after: 0n, upTo: 3n };
    const scanned = async (store: EventStore): Promise<RecordedEvent[]> => {
      const all: RecordedEvent[] = [];
      for await (const events of scan(store, range)) all.push(...events);
      return all;
    };
    const refused = await scanned(upcasting(raw, KNOWN)).catch((error: unknown) => error);
    expect(isNewerVersion(refused)).to.equal(true);
    expect(await scanned(upcasting(raw, KNOWN, { pass: true }))).to.have.length(2);
  });

  it('is none where the known types are not told', async () => {
    await append(event('Opened'), event('Blessed'));
    expect((await followed(upcasting(raw, {}), 2)).types).to.deep.equal(['Opened', 'Blessed']);
  });
});
