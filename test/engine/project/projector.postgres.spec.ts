import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { expect } from 'chai';
import { pino } from 'pino';
import type { Cache } from '../../../src/cache/cache.ts';
import { createMemoryCache } from '../../../src/cache/memoryCache.ts';
import type { RecordedEvent } from '../../../src/eventstore/eventStore.ts';
import { createPool, type Pool } from '../../../src/platform/postgres/pool.ts';
import type { Row } from '../../../src/engine/project/projection.ts';
import { createSignal } from '../../../src/platform/signal.ts';
import { eventually } from '../../support/eventually.ts';
import { accounts, asAny, bank, dieAt, event, folded, type Bank } from './example.ts';

const isCommit = (query: unknown): query is { name: string } =>
  typeof query === 'object' &&
  query !== null &&
  'name' in query &&
  String(query.name).startsWith('accounts/accounts.o');

/** A pool whose queries go through `around`. */
const hooked = (pool: Pool, around: (query: unknown, send: () => Promise<unknown>) => Promise<unknown>): Pool =>
  new Proxy(pool, {
    get: (target, property, receiver) =>
      property === 'query'
        ? (...args: [never]) => around(args[0], () => target.query(...args))
        : (Reflect.get(target, property, receiver) as unknown),
  });

describe('A projector', () => {
  let shop: Bank;
  beforeEach(async () => {
    shop = await bank();
  });
  afterEach(() => shop.close());

  /** The table and the checkpoint, read at the same moment. */
  const snapshot = async (): Promise<{ position: bigint; rows: Row[] }> => {
    const { rows } = await shop.pool.query<{ position: number | null; rows: Row[] | null }>(
      `SELECT (SELECT position FROM checkpoints WHERE name = 'projection:accounts') AS position,
         (SELECT json_agg(a ORDER BY id) FROM (SELECT id, owner, balance, seen FROM accounts) a) AS rows`,
    );
    // There is no checkpoint until the projector has its lease.
    return { position: BigInt(rows[0]!.position ?? 0), rows: rows[0]!.rows ?? [] };
  };
  const foldedUpTo = async (position: bigint): Promise<Row[]> => {
    const events: RecordedEvent[] = [];
    while ((events.at(-1)?.position ?? 0n) < position) {
      events.push(...(await shop.store.readAll(events.at(-1)?.position ?? 0n, 10_000)));
    }
    return folded(events.filter((one) => one.position <= position)).map(({ id, owner, balance, seen }) => ({
      id,
      owner,
      balance,
      seen,
    }));
  };

  it('keeps rows equal to the fold of the log, with the revision and position they have seen', async () => {
    const [one, two, gone] = [randomUUID(), randomUUID(), randomUUID()];
    const projector = shop.projector();
    await projector.start();
    await shop.append(one, event('Opened', { owner: 'Ada' }), event('Deposited', { amount: 50 }));
    await shop.append(two, event('Opened', { owner: 'Ben' }));
    await shop.append(gone, event('Opened', { owner: 'Cid' }), event('Closed'));
    await shop.append(one, event('Transferred', { amount: 20, to: two }), event('constructor'));
    const position = await shop.append(two, event('Withdrawn', { amount: 5 }));

    expect(await projector.progress.waitFor(['accounts'], position, 5_000)).to.equal(true);

    const rows = await shop.rows();
    expect(rows.map(({ revision: _revision, position: _position, shout: _shout, ...row }) => row)).to.deep.equal(
      folded(await shop.store.readAll(0n)),
    );
    expect(
      Object.fromEntries(rows.map(({ owner, balance, revision, position: at }) => [owner, [balance, revision, at]])),
    ).to.deep.equal({ Ada: [30, 2, 6], Ben: [15, 2, 8] });
  });

  it('begins a removed row anew when its key comes back', async () => {
    const id = randomUUID();
    const projector = shop.projector();
    await projector.start();
    await shop.append(id, event('Opened', { owner: 'Ada' }), event('Deposited', { amount: 5 }), event('Closed'));
    const position = await shop.append(id, event('Opened', { owner: 'Eve' }));
    await projector.progress.waitFor(['accounts'], position, 5_000);
    expect((await shop.rows()).map(({ owner, balance, revision }) => [owner, balance, revision])).to.deep.equal([
      ['Eve', 0, 3],
    ]);
  });

  it('passes events that mean nothing to it at once in memory, and within a second in its checkpoint', async () => {
    const projector = shop.projector();
    await projector.start();
    const position = await shop.append(randomUUID(), event('Ignored'), event('toString'));
    expect(await projector.progress.waitFor(['accounts'], position, 5_000)).to.equal(true);
    await eventually('the checkpoint follows', async () => (await shop.checkpoint()) === position, 2_000);
  });

  it('leaves the checkpoint at its position when it is stopped', async () => {
    const projector = shop.projector();
    await projector.start();
    const position = await shop.append(randomUUID(), event('Ignored'));
    await projector.progress.waitFor(['accounts'], position, 5_000);
    await projector.stop();
    expect(await shop.checkpoint()).to.equal(position);
  });

  it('drops what is cached of the rows it changed before it says that it has come so far', async () => {
    const inner = createMemoryCache({ entriesMax: 10, bytesMax: 1_000 });
    const dropped: { tags: readonly string[]; position: bigint }[] = [];
    const cache: Cache = {
      ...inner,
      invalidate: async (tags) => {
        await pause(20);
        dropped.push({ tags, position: projector.progress.position(['accounts']) });
      },
    };
    const projector = shop.projector({ cache });
    await projector.start();
    const id = randomUUID();
    const position = await shop.append(id, event('Opened', { owner: 'Ada' }));
    await projector.progress.waitFor(['accounts'], position, 5_000);
    expect(dropped).to.deep.equal([{ tags: ['accounts', `account:${id}`], position: 0n }]);
  });

  it('applies nothing twice when it cannot know whether its commit went through', async () => {
    let commits = 0;
    const pool = hooked(shop.pool, async (query, send) => {
      const answer = await send();
      if (isCommit(query)) commits += 1;
      if (isCommit(query) && commits % 2 === 0) throw new Error('Connection terminated unexpectedly');
      return answer;
    });
    const projector = shop.projector({ pool });
    await projector.start();
    const id = randomUUID();
    const first = await shop.append(id, event('Opened', { owner: 'Ada' }));
    await projector.progress.waitFor(['accounts'], first, 5_000);
    for (let turn = 0; turn < 3; turn += 1) {
      const position = await shop.append(id, event('Deposited', { amount: 1 }));
      expect(await projector.progress.waitFor(['accounts'], position, 10_000)).to.equal(true);
    }
    expect(commits).to.be.at.least(4);
    expect((await shop.rows()).map(({ balance }) => balance)).to.deep.equal([3]);
  });

  it('never has its checkpoint ahead of its rows, however often its connections are cut', async function () {
    this.timeout(60_000);
    const pool = createPool({ url: shop.url, name: 'victim', max: 4, int8: 'number' });
    shop.undo.push(() => pool.end());
    const projector = shop.projector({ pool });
    await projector.start();
    const ids = Array.from({ length: 10 }, () => randomUUID());
    for (const id of ids) await shop.append(id, event('Opened', { owner: id }));
    let last = 0n;
    let cuts = 0;
    const until = performance.now() + 3_000;
    const writing = (async () => {
      for (let turn = 0; performance.now() < until; turn += 1) {
        const [from, to] = [ids[turn % 10]!, ids[(turn * 7 + 1) % 10]!];
        last = await shop.append(from, event('Transferred', { amount: turn, to }), event('Deposited', { amount: 1 }));
      }
    })();
    const cutting = (async () => {
      while (performance.now() < until) {
        const { rowCount } = await shop.pool.query(
          `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
           WHERE datname = current_database() AND application_name = 'cartulary victim'`,
        );
        cuts += rowCount ?? 0;
        await pause(100);
      }
    })();
    const checking = (async () => {
      while (performance.now() < until) {
        const { position, rows } = await snapshot();
        expect(rows).to.deep.equal(await foldedUpTo(position));
      }
    })();
    await Promise.all([writing, cutting, checking]);

    expect(cuts).to.be.greaterThan(10);
    expect(await projector.progress.waitFor(['accounts'], last, 20_000)).to.equal(true);
    await eventually('the checkpoint follows', async () => (await shop.checkpoint()) === last, 2_000);
    expect((await snapshot()).rows).to.deep.equal(await foldedUpTo(last));
  });

  for (const point of ['projection:before-commit#3', 'projection:after-commit#3']) {
    it(`loses nothing and repeats nothing after a power cut at ${point}`, async function () {
      this.timeout(60_000);
      const id = randomUUID();
      await shop.append(id, event('Opened', { owner: 'Ada' }));
      await dieAt(point, ['follow', shop.url], async () => {
        await shop.append(id, event('Deposited', { amount: 1 }));
      });
      const { position, rows } = await snapshot();
      expect(rows).to.deep.equal(await foldedUpTo(position));

      const projector = shop.projector();
      await projector.start();
      const { position: head } = await shop.store.head();
      expect(await projector.progress.waitFor(['accounts'], head, 10_000)).to.equal(true);
      await eventually('the checkpoint follows', async () => (await shop.checkpoint()) === head, 2_000);
      expect((await snapshot()).rows).to.deep.equal(await foldedUpTo(head));
    });
  }

  it('says what holds it up, to other processes too, and goes on once that is mended', async () => {
    await shop.pool.query('ALTER TABLE accounts RENAME TO elsewhere');
    const projector = shop.projector();
    await projector.start();
    const position = await shop.append(randomUUID(), event('Opened', { owner: 'Ada' }));
    const stuck = await eventually('it has failed', async () => {
      const [status] = await projector.status();
      return status?.lastError === undefined ? undefined : status;
    });
    expect(stuck.lastError).to.contain('accounts');
    expect([stuck.lag, stuck.parked, stuck.state]).to.deep.equal([1n, 0, 'following']);

    await shop.pool.query('ALTER TABLE elsewhere RENAME TO accounts');
    expect(await projector.progress.waitFor(['accounts'], position, 15_000)).to.equal(true);
    const [status] = await projector.status();
    expect([status?.lag, status?.lastError]).to.deep.equal([0n, undefined]);
  });

  it('stops in silence while it looks after its runs', async () => {
    const warnings: unknown[] = [];
    const log = pino({ level: 'warn' }, { write: (line: string) => void warnings.push(line) });
    const [asked, released] = [createSignal(), createSignal()];
    const within = () => ({ signal: AbortSignal.timeout(5_000) });
    const pool = hooked(shop.pool, async (query, send) => {
      const answer = await send();
      if (String(query).includes('lease_epoch::text AS token')) {
        asked.raise();
        await released.next(0, within());
      }
      return answer;
    });
    const projector = shop.projector({ pool, log });
    await projector.start();
    await asked.next(0, within());
    const stopped = projector.stop();
    await eventually('the lease is given back', async () => {
      const { rows } = await shop.pool.query<{ owner: string | null }>('SELECT owner FROM checkpoints');
      return rows.every(({ owner }) => owner === null);
    });
    released.raise();
    await stopped;
    expect(warnings).to.deep.equal([]);
  });

  it('refuses a definition that cannot work', () => {
    expect(() => shop.projector({ projections: [asAny({ ...accounts, table: 'no table' })] })).to.throw('no table');
    expect(() => shop.projector({ projections: [asAny({ ...accounts, key: 'nothing' as 'id' })] })).to.throw('nothing');
  });
});
