import { expect } from 'chai';
import { createPool, createSession } from '../../src/platform/postgres/pool.ts';
import { createPostgresListener } from '../../src/eventstore/postgres/listener.ts';
import { createPostgresWriter } from '../../src/eventstore/postgres/writer.ts';
import { serialise } from '../../src/eventstore/serialise.ts';
import { isOutcomeUnknown } from '../../src/errors.ts';
import { freshDatabase, type TestDatabase } from '../support/database.ts';
import { muteProxy } from '../support/muteProxy.ts';
import { rejection } from '../support/rejection.ts';

const SILENCE_MS = 300;
/** The writer's statements may take 4 s, and its connection may stay silent for one second more. */
const WRITER_SILENCE_MS = 5_000;
const MARGIN_MS = 2_000;
/** The server is asked after 3 s; a statement may take 30 s. */
const ASKED_MS = 15_000;
const NO_EVENT = {
  ...{ commandId: 'c', command: 'Note', correlationId: 'c', actor: 'test' },
  ...{ occurredAt: '2026-01-01T00:00:00.000Z', schema: 1 },
};

describe('a connection to Postgres that goes silent', function () {
  this.timeout(40_000);
  let database: TestDatabase;
  let proxy: Awaited<ReturnType<typeof muteProxy>>;
  before(async () => {
    database = await freshDatabase();
  });
  beforeEach(async () => {
    proxy = await muteProxy(database.url);
  });
  afterEach(() => proxy.close());
  after(() => database.drop());

  it('is cut when a statement stays without an answer, and not while it is idle', async () => {
    const session = createSession({ url: proxy.url, name: 'test', silenceMs: SILENCE_MS });
    await session.connect();
    await new Promise((resolve) => setTimeout(resolve, 2 * SILENCE_MS));
    expect((await session.query<{ n: number }>('SELECT 1 AS n')).rows).to.deep.equal([{ n: 1 }]);
    proxy.mute();
    const began = performance.now();
    expect(await rejection(session.query('SELECT 1'))).to.have.property('code', 'ETIMEDOUT');
    expect(performance.now() - began).to.be.within(SILENCE_MS - 50, SILENCE_MS + MARGIN_MS);
    await session.end();
  });

  it('is replaced in a pool', async () => {
    const pool = createPool({ url: proxy.url, name: 'test', max: 1, int8: 'bigint', silenceMs: SILENCE_MS });
    await pool.query('SELECT 1');
    proxy.mute();
    await rejection(pool.query('SELECT 1'));
    expect((await pool.query<{ n: number }>('SELECT 1 AS n')).rows).to.deep.equal([{ n: 1 }]);
    await pool.end();
  });

  it('is cut long before its time limit, once the server says that it works on nothing for it', async () => {
    const session = createSession({ url: proxy.url, name: 'test' });
    await session.connect();
    proxy.mute();
    const began = performance.now();
    expect(await rejection(session.query('SELECT 1'))).to.have.property('code', 'ETIMEDOUT');
    expect(performance.now() - began).to.be.lessThan(ASKED_MS);
    await session.end();
  });

  it('is not taken for one whose statement takes long', async () => {
    const session = createSession({ url: proxy.url, name: 'test' });
    await session.connect();
    expect((await session.query<{ n: number }>('SELECT 1 AS n FROM pg_sleep(8)')).rows).to.deep.equal([{ n: 1 }]);
    await session.end();
  });

  it('takes those that lie idle in its pool with it', async () => {
    const pool = createPool({ url: proxy.url, name: 'test', max: 4, int8: 'bigint', silenceMs: SILENCE_MS });
    await Promise.all(Array.from({ length: 4 }, () => pool.query('SELECT pg_sleep(0.1)')));
    expect(pool.idleCount).to.equal(4);
    proxy.mute();
    await rejection(pool.query('SELECT 1'));
    for (let n = 1; n <= 4; n += 1) expect((await pool.query<{ n: number }>('SELECT 1 AS n')).rows).to.have.length(1);
    await pool.end();
  });

  it('leaves the outcome of an append unknown, and the next append gets a new connection', async () => {
    const writer = createPostgresWriter({ url: proxy.url, unsafeWithoutFsync: true });
    await writer.connect();
    const item = (id: string) => ({
      ...{ stream: `note-${id}`, expected: -1n },
      events: serialise(`note-${id}`, [
        { id: `${id}-0000-4000-8000-000000000000`, type: 'Noted', data: {}, metadata: NO_EVENT },
      ]),
    });
    proxy.mute();
    const began = performance.now();
    expect(isOutcomeUnknown(await rejection(writer.send([item('00000001')])))).to.equal(true);
    expect(performance.now() - began).to.be.lessThan(WRITER_SILENCE_MS + MARGIN_MS);
    expect(await writer.send([item('00000002')])).to.have.length(1);
    await writer.close();
  });
});

describe('a connection to Postgres that is ended before it is open', function () {
  this.timeout(10_000);
  let database: TestDatabase;
  before(async () => {
    database = await freshDatabase();
  });
  after(() => database.drop());

  const ENDED = 'The connection was ended before it was open.';

  it('says so to those that wait for it, when it is ended at once', async () => {
    const session = createSession({ url: database.url, name: 'test' });
    const connecting = rejection(session.connect());
    void session.end();
    expect(await connecting).to.have.property('message', ENDED);
  });

  it('says so to those that wait for it, when it is ended before the greeting of the server', async () => {
    const session = createSession({ url: database.url, name: 'test' });
    session.connection.stream.once('connect', () => void session.end());
    expect(await rejection(session.connect())).to.have.property('message', ENDED);
  });

  it('is not waited for by a log that is closed while it begins to listen', async () => {
    const listener = createPostgresListener({ url: database.url, onNews: () => undefined });
    listener.start();
    await listener.close();
  });
});
