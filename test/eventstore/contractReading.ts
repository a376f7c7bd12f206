import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import { NO_STREAM, READ_PAGE, type NewEvent, type RecordedEvent } from '../../src/eventstore/eventStore.ts';
import { scan } from '../../src/eventstore/scan.ts';
import { newStream, thing, things, wholeLog } from '../support/events.ts';
import type { Subject } from './contract.ts';

const LONG = 10_000;
const revisions = (events: readonly RecordedEvent[]): bigint[] => events.map(({ revision }) => revision);

export function reading({ store, contiguous }: Subject): void {
  it('finds nothing where nothing is', async () => {
    const stream = newStream();
    expect(await store().read(stream)).to.deep.equal([]);
    expect(await store().find(stream, [randomUUID()])).to.deep.equal([]);
    expect(await store().readAll((await store().head()).position)).to.deep.equal([]);
  });

  it('reads a stream page by page, from any revision', async () => {
    const stream = newStream();
    await store().append(stream, NO_STREAM, things(30));
    expect(revisions(await store().read(stream, 10n, 5))).to.deep.equal([10n, 11n, 12n, 13n, 14n]);
    expect(revisions(await store().read(stream, 28n))).to.deep.equal([28n, 29n]);
    expect(await store().read(stream, 30n)).to.deep.equal([]);
    expect(await store().read(stream)).to.have.lengthOf(30);
  });

  it('answers many reads made at once, each with its own', async () => {
    const streams = Array.from({ length: 300 }, newStream);
    await Promise.all(
      streams.map((stream, index) => store().append(stream, NO_STREAM, [thing({ index }), thing({ index })])),
    );
    const pages = await Promise.all(
      streams.map((stream, index) => store().read(stream, BigInt(index % 3), 1 + (index % 2))),
    );
    pages.forEach((page, index) => {
      expect(page).to.have.lengthOf([1 + (index % 2), 1, 0][index % 3]!);
      for (const event of page) expect(event).to.deep.include({ stream: streams[index], data: { index } });
    });
  });

  it('finds events by id, in their own stream only and in order', async () => {
    const [stream, other] = [newStream(), newStream()];
    const [mine, theirs] = [things(5), things(1)];
    await store().append(stream, NO_STREAM, mine);
    await store().append(other, NO_STREAM, theirs);
    const ids = [mine[3]!, theirs[0]!, mine[1]!, mine[1]!].map(({ id }) => id);
    expect(revisions(await store().find(stream, [...ids, randomUUID(), 'no uuid']))).to.deep.equal([1n, 3n]);
    expect(revisions(await store().find(other, ids))).to.deep.equal([0n]);
    const together = await Promise.all([stream, other, stream].map((name) => store().find(name, ids)));
    expect(together.map((events) => events.length)).to.deep.equal([2, 1, 2]);
  });

  it('reads the whole log in order of position', async () => {
    const stream = newStream();
    const from = (await store().head()).position;
    await store().append(stream, NO_STREAM, things(10));
    const page = await store().readAll(from, 4);
    expect(revisions(page)).to.deep.equal([0n, 1n, 2n, 3n]);
    expect(revisions(await store().readAll(page.at(-1)!.position))).to.deep.equal([4n, 5n, 6n, 7n, 8n, 9n]);
    if (contiguous) expect(page.map(({ position }) => position - from)).to.deep.equal([1n, 2n, 3n, 4n]);
    expect((await store().head()).position).to.equal((await wholeLog(store(), from)).at(-1)?.position);
  });

  it('reads a stream and the whole log backwards, from the end or before any event', async () => {
    const [stream, other] = [newStream(), newStream()];
    const from = (await store().head()).position;
    await store().append(stream, NO_STREAM, things(10));
    await store().append(other, NO_STREAM, things(2));
    expect(revisions(await store().readBack(stream, undefined, 4))).to.deep.equal([9n, 8n, 7n, 6n]);
    expect(revisions(await store().readBack(stream, 3n))).to.deep.equal([2n, 1n, 0n]);
    expect(await store().readBack(stream, 0n)).to.deep.equal([]);
    expect(await store().readBack(newStream())).to.deep.equal([]);
    const forwards = await wholeLog(store(), from);
    const backwards: RecordedEvent[] = [];
    for (let before: bigint | undefined; backwards.length < forwards.length; before = backwards.at(-1)!.position) {
      backwards.push(...(await store().readAllBack(before, 5)));
    }
    const positions = backwards.slice(0, forwards.length).map(({ position }) => position);
    expect(positions).to.deep.equal(forwards.map(({ position }) => position).reverse());
    const [first] = await store().readAll(0n, 1);
    expect(await store().readAllBack(first!.position)).to.deep.equal([]);
  });

  it('finds events by id in any stream, but none from a position on', async () => {
    const [one, other] = [newStream(), newStream()];
    const [mine, theirs] = [things(3), things(1)];
    await store().append(one, NO_STREAM, mine);
    await store().append(other, NO_STREAM, theirs);
    const ids = [theirs[0]!, mine[1]!].map(({ id }) => id);
    const after = (await store().head()).position + 1n;
    const found = await store().locate([...ids, ids[0]!], after);
    expect(found.complete).to.equal(true);
    expect(found.events.map(({ id }) => id))
      .to.have.members(ids)
      .and.to.have.lengthOf(2);
    const last = found.events.find(({ id }) => id === ids[0])!;
    expect(last).to.deep.include({ ...theirs[0]!, stream: other, revision: 0n });
    expect((await store().locate(ids, last.position)).events.map(({ id }) => id)).to.deep.equal([ids[1]]);
    expect(await store().locate([randomUUID(), 'no uuid'], after)).to.deep.equal({ events: [], complete: true });
  });

  it('tells a range of it by type, to the last event of the range', async () => {
    const stream = newStream();
    const after = (await store().head()).position;
    const odd = (event: NewEvent, index: number): NewEvent => (index % 2 === 1 ? { ...event, type: 'Odd' } : event);
    for (let at = 0n; at < 2_000n; at += 100n) await store().append(stream, at - 1n, things(100).map(odd));
    const whole = await wholeLog(store(), after);
    const upTo = whole[1_500]!.position;
    const told = async (types: string[]): Promise<RecordedEvent[]> => {
      const events: RecordedEvent[] = [];
      for await (const some of scan(store(), { types, after, upTo })) events.push(...some);
      return events;
    };
    expect(await told(['ThingHappened', 'Odd'])).to.deep.equal(whole.slice(0, 1_501));
    expect(revisions(await told(['Odd']))).to.deep.equal(
      Array.from({ length: 750 }, (_, index) => BigInt(2 * index + 1)),
    );
    expect(await told(['Nothing'])).to.deep.equal([]);
    for await (const some of scan(store(), { types: ['Odd'], after, upTo })) {
      expect(some.length).to.be.greaterThan(0);
      break;
    }
  });

  it('says whether its positions count events', () => {
    expect(store().contiguous).to.equal(contiguous);
  });

  it(`keeps a stream of ${LONG} events`, async () => {
    const stream = newStream();
    for (let at = 0; at < LONG; at += 100) await store().append(stream, BigInt(at) - 1n, things(100));
    let next = 0n;
    for (;;) {
      const page = await store().read(stream, next);
      for (const { revision } of page) {
        if (revision !== next) throw new Error(`revision ${revision} where ${next} was due`);
        next += 1n;
      }
      if (page.length < READ_PAGE) break;
    }
    expect(next).to.equal(BigInt(LONG));
    expect(await store().append(stream, 0n, things(1))).to.deep.equal({ outcome: 'conflict', actual: next - 1n });
  }).timeout(60_000);

  it('keeps its epoch', async () => {
    const { epoch } = await store().head();
    expect(epoch).to.match(/^[0-9a-f-]{36}$/);
    expect((await store().head()).epoch).to.equal(epoch);
  });

  it('can be asked whether it is there', () => store().ping());
}
