import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import { NO_STREAM, READ_PAGE, type RecordedEvent } from '../../src/eventstore/eventStore.ts';
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
