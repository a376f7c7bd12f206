import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import { pino } from 'pino';
import { createEmbeddedBus } from '../../src/bus/consumers.ts';
import { createMemoryCache } from '../../src/cache/memoryCache.ts';
import { createAsk } from '../../src/engine/ask/ask.ts';
import { readStream } from '../../src/engine/decide/answer.ts';
import type { CommandContract } from '../../src/engine/decide/command.ts';
import { type Actor, CommandContext } from '../../src/engine/decide/context.ts';
import { createAggregates } from '../../src/engine/decide/handle.ts';
import { createProgress } from '../../src/engine/project/progress.ts';
import { type Projection, replay } from '../../src/engine/project/projection.ts';
import { createProjector } from '../../src/engine/project/projector.ts';
import { react } from '../../src/engine/react/reaction.ts';
import { rebuild } from '../../src/engine/rebuild/rebuild.ts';
import { streamOf } from '../../src/eventstore/eventStore.ts';
import { createPostgresEventStore } from '../../src/eventstore/postgres/postgresEventStore.ts';
import { freshId } from '../../src/platform/ids.ts';
import { createPool } from '../../src/platform/postgres/pool.ts';
import { freshDatabase } from '../support/database.ts';
import { eventually } from '../support/eventually.ts';
import { rejection } from '../support/rejection.ts';
import {
  addCopy,
  borrowCopy,
  COPIES,
  copies,
  copyDecider,
  lateReturns,
  listOverdue,
  memberDecider,
  returnCopy,
} from './lending.ts';

const log = pino({ level: 'silent' });
const readModel = copies as unknown as Projection;
const librarian: Actor = { id: randomUUID(), role: 'librarian' };
const member = (): Actor => ({ id: randomUUID(), role: 'member' });
const MONDAY = '2026-11-02T09:00:00.000Z';
const TWO_DAYS_LATE = '2026-11-18T09:00:00.000Z';

/** The engine with the library on it: what src/compose and src/main.ts do for the shop. */
async function openLibrary() {
  const database = await freshDatabase();
  const { url } = database;
  const pool = createPool({ url, name: 'library', max: 10, int8: 'number' });
  await pool.query(COPIES);
  const store = await createPostgresEventStore({ url });
  const services = { store, aggregates: createAggregates({ store }) };
  const owner = randomUUID();
  const progress = createProgress({ pool });
  const cache = createMemoryCache({ entriesMax: 100, bytesMax: 1_000_000 });
  const projector = createProjector({ pool, store, projections: [readModel], cache, owner, log, progress });
  const writePool = createPool({ url, name: 'bus', max: 10, int8: 'bigint' });
  const bus = createEmbeddedBus({ pool: writePool, store, owner, log });
  bus.subscribe(react(lateReturns, { services, now: () => TWO_DAYS_LATE }));
  const db = {
    rows: async <R extends object>(sql: string, values: readonly unknown[] = []) =>
      (await pool.query<R>(sql, [...values])).rows,
  };
  const ask = createAsk({ cache, db, store, services, progress, now: () => new Date(TWO_DAYS_LATE) });
  await projector.start();
  await bus.start();
  return {
    ...{ url, store, services, db },
    async run(contract: CommandContract, actor: Actor, copyId: string, options: { now?: string; body?: object } = {}) {
      const id = freshId();
      const origin = { id, repeatable: false, actor, now: options.now ?? MONDAY, correlationId: id };
      const context = new CommandContext(origin, services);
      const answer = await contract.run({ params: { id: copyId }, body: { ...options.body } }, context);
      await ask.wrote(actor, context.position);
      return answer;
    },
    overdue: async (actor: Actor): Promise<unknown> =>
      JSON.parse((await ask.answer({ query: listOverdue, input: { params: {}, query: {} }, actor })).answer.json),
    async close() {
      await bus.stop();
      await projector.stop();
      await store.close();
      await Promise.all([pool.end(), writePool.end()]);
      await database.drop();
    },
  };
}

describe('a lending library on the engine', () => {
  let library: Awaited<ReturnType<typeof openLibrary>>;
  const copyId = randomUUID();
  const [ada, bob] = [member(), member()];
  before(async () => {
    library = await openLibrary();
    await library.run(addCopy, librarian, copyId, { body: { title: 'The Name of the Rose' } });
  });
  after(() => library.close());

  it('lends one copy to one of many who want it at once', async () => {
    const crowd = [ada, ...Array.from({ length: 9 }, member)];
    const outcomes = await Promise.allSettled(crowd.map((who) => library.run(borrowCopy, who, copyId)));
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).to.have.length(1);
    expect(outcomes[0]!.status).to.equal('fulfilled');
    expect(await rejection(library.run(borrowCopy, bob, copyId))).to.include({ kind: 'rejected', rule: 'CopyLent' });
  });

  it('lists what is overdue, with the copy that was just borrowed', async () => {
    const second = randomUUID();
    await library.run(addCopy, librarian, second, { body: { title: 'Baudolino' } });
    await library.run(borrowCopy, bob, second, { now: TWO_DAYS_LATE });
    // The librarian has to see what the members did, whatever the projection is at: the last write is the librarian's own.
    await library.run(addCopy, librarian, randomUUID(), { body: { title: 'Numero Zero' } });
    expect(await library.overdue(librarian)).to.deep.equal([
      { id: copyId, title: 'The Name of the Rose', borrower: ada.id, due_at: '2026-11-16T09:00:00.000Z' },
    ]);
  });

  it('notes a late return with the member, once', async () => {
    await library.run(returnCopy, ada, copyId, { now: TWO_DAYS_LATE });
    const lateOf = async (): Promise<number> =>
      (await library.services.aggregates.load(memberDecider, ada.id)).state.late;
    await eventually('the late return is noted', async () => (await lateOf()) > 0);
    expect(await lateOf()).to.equal(1);
    const [noted] = await library.store.read(streamOf('member', ada.id));
    const returned = (await library.store.read(streamOf('copy', copyId))).at(-1)!;
    expect(noted?.metadata.causationId).to.equal(returned.id);
    expect(await library.overdue(librarian)).to.deep.equal([]);
  });

  it('tells what a copy was at each moment', async () => {
    const stream = streamOf(copyDecider.category, copyId);
    const seen = [0n, 1n, 2n].map(async (revision) => {
      const row = replay(readModel, copyId, await readStream(library.store, stream, revision));
      return [row?.['borrower'], row?.['times_lent']];
    });
    expect(await Promise.all(seen)).to.deep.equal([
      [null, 0],
      [ada.id, 1],
      [null, 1],
    ]);
  });

  it('is rebuilt to the same rows, and mends what was not as the log says', async () => {
    const rows = (): Promise<object[]> => library.db.rows('SELECT * FROM copies ORDER BY id');
    const kept = await rows();
    await library.db.rows('UPDATE copies SET times_lent = 7 WHERE id = $1', [copyId]);
    const { differences } = await rebuild({ url: library.url, store: library.store, projection: readModel, log });
    expect(differences).to.equal(1);
    expect(await rows()).to.deep.equal(kept);
  });
});
