import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import { pino } from 'pino';
import { version } from 'uuid';
import { createIdempotency, type FinishedAnswer, type Idempotency } from '../../../src/http/api/idempotency.ts';
import { createPool, type Pool } from '../../../src/platform/postgres/pool.ts';
import { freshDatabase, type TestDatabase } from '../../support/database.ts';
import { eventually } from '../../support/eventually.ts';
import { rejection } from '../../support/rejection.ts';
import { gate, openEdge, type Edge, type Reply, type Request } from '../edge.ts';
import { stage } from '../example.ts';

const MASTER_KEY = Buffer.alloc(32, 5);
const logger = pino({ level: 'silent' });

/** An answer without the parts that belong to one transmission. */
const lasting = ({ status, text, headers }: Reply) => {
  const {
    date: _date,
    connection: _connection,
    'x-request-id': _id,
    'idempotency-replayed': _replayed,
    ...rest
  } = headers;
  return { status, text, headers: rest };
};

describe('an idempotency key', () => {
  let database: TestDatabase;
  let pool: Pool;
  let edge: Edge;
  let key: string;
  let token: string;
  const userId = randomUUID();
  const openPool = (): Pool => createPool({ url: database.url, name: 'test', max: 10, int8: 'bigint' });

  before(async () => {
    database = await freshDatabase();
    pool = openPool();
    const idempotency = createIdempotency({ pool, masterKey: MASTER_KEY, logger });
    edge = await openEdge({ idempotency, rateLimits: { login: 2 } });
    token = edge.token({ userId });
  });
  beforeEach(() => {
    key = randomUUID();
    stage.ran = 0;
    stage.refusal = { kind: 'rejected', code: 'INSUFFICIENT_STOCK' };
  });
  after(async () => {
    await edge.close();
    await pool.end();
    await database.drop();
  });

  const post = (path: string, request: Request = {}, under = key): Promise<Reply> =>
    edge.request('POST', `/api/v1${path}`, {
      ...{ token, ...request },
      headers: { ...request.headers, 'idempotency-key': under },
    });
  const anonymously = (path: string, body: object, at = edge): Promise<Reply> =>
    at.request('POST', `/api/v1${path}`, { body, headers: { 'idempotency-key': key } });
  const rows = async (): Promise<{ account: string; answer: Buffer | null }[]> =>
    (await pool.query('SELECT account, answer FROM idempotency_keys WHERE key = $1', [key])).rows as never;

  it('is told to the log by the version of the id: 5 may come again, 7 never does', async () => {
    const { position } = await edge.store.head();
    await post('/accounts', { body: { amount: 1 } });
    await edge.request('POST', '/api/v1/accounts', { body: { amount: 1 } });
    const events = await edge.store.readAll(position);
    expect(events.map(({ metadata }) => version(metadata.commandId))).to.deep.equal([5, 7]);
  });

  it('gives the same answer again, byte for byte, and no second effect', async () => {
    const first = await post('/accounts', { body: { amount: 4 } });
    const again = await post('/accounts', { body: { amount: 4 } });
    expect(first.status).to.equal(201);
    expect(lasting(again)).to.deep.equal(lasting(first));
    expect([first.headers['idempotency-replayed'], again.headers['idempotency-replayed']]).to.deep.equal([
      undefined,
      'true',
    ]);
    expect(again.headers['x-request-id']).to.not.equal(first.headers['x-request-id']);
    expect(stage.ran).to.equal(1);
  });

  it('keeps refusals too', async () => {
    const first = await post('/refusals');
    stage.refusal = { kind: 'rejected', code: 'EMPTY_CART' };
    const again = await post('/refusals');
    expect(lasting(again)).to.deep.equal(lasting(first));
    expect([first.status, stage.ran]).to.deep.equal([409, 1]);
  });

  it('keeps nothing of what may come out otherwise next time', async () => {
    stage.refusal = { kind: 'unavailable', code: undefined };
    expect((await post('/refusals')).status).to.equal(503);
    stage.refusal = { kind: 'rejected', code: undefined };
    expect((await post('/refusals')).status).to.equal(409);
    key = randomUUID();
    expect([(await post('/bugs')).status, (await post('/bugs')).status]).to.deep.equal([500, 500]);
    expect(stage.ran).to.equal(4);
    expect(await rows()).to.deep.equal([]);
    const limited = [];
    for (let attempt = 0; attempt < 3; attempt += 1) {
      limited.push((await post('/sign-in', { body: { email: 'a@example.com' } }, randomUUID())).status);
    }
    expect(limited).to.deep.equal([200, 200, 429]);
  });

  it('used for another request is 422', async () => {
    await post('/accounts', { body: { amount: 4 } });
    const other = await post('/accounts', { body: { amount: 5 } });
    expect([other.status, other.json.errors[0].code]).to.deep.equal([422, 'IDEMPOTENCY_KEY_REUSED']);
    expect((await post('/refusals')).status).to.equal(422);
    expect(stage.ran).to.equal(1);
  });

  it('is not spent by a request that is not valid', async () => {
    expect((await post('/accounts', { body: { amount: 0 } })).status).to.equal(400);
    expect((await post('/accounts', { body: { amount: 1 } })).status).to.equal(201);
  });

  it('belongs to one account', async () => {
    const [ada, bob] = [edge.token(), edge.token()];
    const first = await post('/accounts', { body: { amount: 1 }, token: ada });
    const second = await post('/accounts', { body: { amount: 1 }, token: bob });
    expect(second.json.data.id).to.not.equal(first.json.data.id);
    expect(second.headers).to.not.have.property('idempotency-replayed');
    expect(stage.ran).to.equal(2);
  });

  it('of a stranger belongs to what the request is about, by a keyed mark, and not to all strangers together', async () => {
    const at = await openEdge({ idempotency: createIdempotency({ pool, masterKey: MASTER_KEY, logger }) });
    const names = ['ada', 'bob', 'ada'];
    const replies: Reply[] = [];
    for (const name of names) replies.push(await anonymously('/sign-in', { email: `${name}@example.com` }, at));
    await at.close();
    expect(replies.map(({ status, headers }) => [status, headers['idempotency-replayed']])).to.deep.equal([
      [200, undefined],
      [200, undefined],
      [200, 'true'],
    ]);
    const accounts = (await rows()).map(({ account }) => account);
    expect(accounts).to.have.length(2);
    for (const account of accounts) expect(account).to.match(/^about:[0-9a-f]{64}$/);
  });

  it('of a stranger is not taken where the request is about nobody', async () => {
    const ids = [await anonymously('/accounts', { amount: 1 }), await anonymously('/accounts', { amount: 2 })];
    expect(ids.map(({ status }) => status)).to.deep.equal([201, 201]);
    expect(await rows()).to.deep.equal([]);
  });

  it('is 409 while its request is still being carried out', async () => {
    const held = gate();
    stage.gate = held.promise;
    const running = post('/accounts', { body: { amount: 2 } });
    await eventually('the command runs', () => stage.ran === 1);
    const meanwhile = await post('/accounts', { body: { amount: 2 } });
    expect([meanwhile.status, meanwhile.json.errors[0].code]).to.deep.equal([409, 'CONFLICT']);
    expect(meanwhile.headers['retry-after']).to.equal('1');
    stage.gate = undefined;
    held.open();
    expect((await running).status).to.equal(201);
    expect(lasting(await post('/accounts', { body: { amount: 2 } }))).to.deep.equal(lasting(await running));
  });

  it('has one effect however often it is sent at once, and always that answer', async () => {
    const answers: Reply[] = [];
    const worker = async (): Promise<void> => {
      for (let sent = 0; sent < 5; sent += 1) answers.push(await post('/accounts', { body: { amount: 2 } }));
    };
    await Promise.all(Array.from({ length: 20 }, worker));
    const done = answers.filter(({ status }) => status !== 409);
    expect(answers).to.have.length(100);
    expect(new Set(done.map((reply) => JSON.stringify(lasting(reply)))).size).to.equal(1);
    expect(stage.ran).to.equal(1);
    expect((await edge.store.read(`account-${done[0]?.json.data.id}`)).length).to.equal(1);
  });

  it('is kept with its answer sealed', async () => {
    const { json } = await post('/accounts', { body: { amount: 4 } });
    const [row] = await rows();
    expect(row?.account).to.equal(userId);
    expect(row?.answer?.toString('latin1')).to.be.a('string').and.not.include(json.data.id).and.not.include('data');
  });

  it('is 1 to 255 visible characters', async () => {
    for (const bad of ['', 'a b', 'x'.repeat(256), 'ü']) {
      const { status } = await post('/accounts', { body: { amount: 1 } }, Buffer.from(bad).toString('latin1'));
      expect(status, bad).to.equal(400);
    }
    expect((await post('/accounts', { body: { amount: 1 } }, `${key}/${'x'.repeat(200)}`)).status).to.equal(201);
  });

  it('is forgotten after 24 hours, in bounded batches, and may then be used again', async () => {
    await post('/accounts', { body: { amount: 4 } });
    await pool.query(`UPDATE idempotency_keys SET created_at = now() - interval '25 hours' WHERE key = $1`, [key]);
    expect((await post('/accounts', { body: { amount: 5 } })).json.data.balance).to.equal(5);
    await pool.query(`UPDATE idempotency_keys SET created_at = now() - interval '25 hours'`);
    await pool.query(`INSERT INTO idempotency_keys (account, key, request_hash, created_at)
      SELECT 'a', n::text, '', now() - interval '25 hours' FROM generate_series(1, 2500) n`);
    const idempotency = createIdempotency({ pool, masterKey: MASTER_KEY, logger });
    expect(await idempotency.purge()).to.be.at.least(2_501);
    expect((await pool.query('SELECT 1 FROM idempotency_keys')).rowCount).to.equal(0);
  });

  describe('whose owner is another process', () => {
    let theirPool: Pool;
    let theirs: Idempotency;
    let theirAnswer: Promise<FinishedAnswer>;
    let held: ReturnType<typeof gate>;
    const hashOf = (amount: number): Buffer =>
      theirs.hashOf('POST', '/api/v1/accounts', Buffer.from(JSON.stringify({ amount })));

    beforeEach(async () => {
      held = gate();
      theirPool = openPool();
      theirs = createIdempotency({ pool: theirPool, masterKey: MASTER_KEY, logger });
      await theirs.start();
      const work = () =>
        held.promise.then(() => ({ answer: { status: 200, headers: [], body: 'theirs' }, persons: [] }));
      theirAnswer = theirs.once({ account: userId, key, hash: hashOf(3) }, work);
      await eventually('they have claimed it', async () => (await rows()).length === 1);
    });
    afterEach(async () => {
      held.open();
      await theirAnswer.catch(() => undefined);
    });

    it('is 409 while that process lives', async () => {
      expect((await post('/accounts', { body: { amount: 3 } })).status).to.equal(409);
      await theirs.stop();
      await theirPool.end();
    });

    it('is taken over at once when that process has died, by the same request alone', async () => {
      await theirs.stop();
      expect((await post('/accounts', { body: { amount: 4 } })).status).to.equal(422);
      const taken = await eventually(
        'it is taken over',
        async () => {
          const reply = await post('/accounts', { body: { amount: 3 } });
          return reply.status === 409 ? undefined : reply;
        },
        2_000,
      );
      expect([taken.status, taken.json.data.balance, stage.ran]).to.deep.equal([201, 3, 1]);
      expect(lasting(await post('/accounts', { body: { amount: 3 } }))).to.deep.equal(lasting(taken));
    });

    it('is taken over when its lease has passed, and the one answer is that of the first process to finish', async () => {
      await pool.query(`UPDATE idempotency_keys SET lease_until = now() - interval '1 second' WHERE key = $1`, [key]);
      const taken = await post('/accounts', { body: { amount: 3 } });
      expect([taken.status, stage.ran]).to.deep.equal([201, 1]);
      held.open();
      expect((await theirAnswer).body).to.equal(taken.text);
    });

    it('is not answered by the process that lost it while the other one has no answer yet', async () => {
      const other = gate();
      stage.gate = other.promise;
      const release = `UPDATE idempotency_keys SET lease_until = now() - interval '1 second' WHERE key = $1`;
      await pool.query(release, [key]);
      const taken = post('/accounts', { body: { amount: 3 } });
      await eventually('it is taken over', () => Promise.resolve(stage.ran > 0 ? true : undefined));
      stage.gate = undefined;
      held.open();
      expect(await rejection(theirAnswer)).to.have.nested.property('problem.rule', 'RequestInFlight');
      other.open();
      expect((await taken).status).to.equal(201);
    });
  });
});
