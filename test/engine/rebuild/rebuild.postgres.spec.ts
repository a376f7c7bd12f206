import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { expect } from 'chai';
import pg from 'pg';
import { eventually } from '../../support/eventually.ts';
import { bank, event, type Bank } from '../project/example.ts';
import { rebuilding, type Rebuilding } from './rebuilding.ts';

describe('A rebuild', () => {
  let shop: Bank;
  let { run, followed, expectFold, fill } = {} as Rebuilding;
  beforeEach(async () => {
    shop = await bank();
    ({ run, followed, expectFold, fill } = rebuilding(shop));
  });
  afterEach(() => shop.close());

  it('gives the same rows as following the log did, to the revision and position', async () => {
    const projector = shop.projector();
    await projector.start();
    await fill(40);
    await followed(projector);
    const before = await shop.rows();

    const seen: bigint[] = [];
    const { rows, events, differences, parked } = await run({ onProgress: ({ done }) => void seen.push(done) });

    expect({ rows, differences, parked }).to.deep.equal({ rows: before.length, differences: 0, parked: 0 });
    expect(events).to.equal(40 * 3 + 6 + 3);
    expect(await shop.rows()).to.deep.equal(before);
    await expectFold();
    expect(seen.length).to.be.greaterThan(0);
  });

  it('keeps the names of indexes and constraints, and what was granted', async () => {
    const shape = async (): Promise<unknown> => {
      const { rows } = await shop.pool.query(
        `SELECT (SELECT json_agg(indexdef ORDER BY indexname) FROM pg_indexes WHERE tablename = 'accounts') AS indexes,
           (SELECT json_agg(conname || pg_get_constraintdef(oid) ORDER BY conname) FROM pg_constraint
            WHERE conrelid = 'accounts'::regclass) AS constraints,
           (SELECT json_agg(column_name || data_type || is_nullable || is_generated ORDER BY ordinal_position)
            FROM information_schema.columns WHERE table_name = 'accounts') AS columns,
           (SELECT relacl::text FROM pg_class WHERE oid = 'accounts'::regclass) AS grants`,
      );
      return rows[0];
    };
    await shop.pool.query('GRANT SELECT ON accounts TO PUBLIC');
    await fill(3);
    const before = await shape();
    await run();
    expect(await shape()).to.deep.equal(before);
    expect(JSON.stringify(before)).to.contain('accounts_named').and.to.contain('=r/');
  });

  it('says how many rows were not what the log says, and mends them', async () => {
    const projector = shop.projector();
    await projector.start();
    const ids = await fill(20);
    await followed(projector);
    await shop.pool.query('UPDATE accounts SET balance = 999 WHERE id = ANY($1)', [[ids[0], ids[1]]]);
    await shop.pool.query('DELETE FROM accounts WHERE id = $1', [ids[2]]);
    await shop.pool.query(
      `INSERT INTO accounts (id, owner, balance, seen, opened_at, revision, position)
       SELECT gen_random_uuid(), 'nobody', 0, '[]', now(), 0, 1`,
    );

    expect((await run()).differences).to.equal(4);

    await expectFold();
    await shop.append(ids[0]!, event('Deposited', { amount: 1 }));
    await followed(projector);
    await expectFold();
  });

  it('counts no row as a difference that the live table has removed already', async () => {
    const projector = shop.projector();
    await projector.start();
    const ids = await fill(12);
    await followed(projector);
    let closed = 0;
    // Each time the rebuild learns how far to go, the live table goes one removal further.
    const head = async (): ReturnType<typeof shop.store.head> => {
      const asked = await shop.store.head();
      if (closed < ids.length) {
        await shop.append(ids[closed]!, event('Closed'));
        closed += 1;
        await followed(projector);
      }
      return asked;
    };

    expect((await run({ store: { ...shop.store, head } })).differences).to.equal(0);

    expect(closed).to.be.greaterThan(2);
    await followed(projector);
    await expectFold();
  });

  it('needs no running projector, and returns the position to go on from', async () => {
    await fill(10);
    const { differences, rows } = await run();
    expect([differences, rows]).to.deep.equal([0, 10]);
    const { position } = await shop.store.head();
    expect(await shop.checkpoint()).to.equal(position);
    const projector = shop.projector();
    await projector.start();
    await fill(2);
    await followed(projector);
    await expectFold();
  });

  it('holds only so many rows in memory', async () => {
    const projector = shop.projector();
    await projector.start();
    await fill(60);
    await followed(projector);
    const before = await shop.rows();
    expect((await run({ rowsMax: 7 })).differences).to.equal(0);
    expect(await shop.rows()).to.deep.equal(before);
    await expectFold();
  });

  it('shows readers no gap and no part of a table while it runs beside live writes', async function () {
    this.timeout(60_000);
    const projector = shop.projector();
    await projector.start();
    const ids = await fill(30);
    await followed(projector);
    let writing = true;
    let reads = 0;
    let written = 0;
    const writes = (async () => {
      for (; writing; written += 1) {
        const id = ids[written % 2]!;
        await shop.append(id, event('Deposited', { amount: 1 }), event('Transferred', { amount: 1, to: ids[1]! }));
        if (written % 5 === 0) await shop.append(randomUUID(), event('Opened', { owner: `new ${written}` }));
      }
    })();
    const read = async (prepared: boolean): Promise<void> => {
      const text = 'SELECT count(*)::int AS count, count(DISTINCT opened_at)::int AS at FROM accounts';
      for (let least = 0; writing; reads += 1) {
        const { rows } = await shop.pool.query<{ count: number }>(prepared ? { name: 'reader', text } : text);
        expect(rows[0]!.count).to.be.at.least(least);
        least = rows[0]!.count;
      }
    };
    const readers = [read(true), read(false)];
    const results = [];
    // Rebuilds until enough reads and writes have run meanwhile, however slow the machine is.
    for (let turn = 0; turn < 4 || reads <= 100 || written <= 100; turn += 1) {
      results.push(await run());
      await pause(100);
    }
    writing = false;
    await Promise.all([writes, ...readers]);

    expect(results.filter(({ differences }) => differences !== 0)).to.deep.equal([]);
    expect(reads).to.be.greaterThan(100);
    expect(written).to.be.greaterThan(100);
    await followed(projector);
    await expectFold();
  });

  it('makes caches forget what they had from before', async () => {
    const projector = shop.projector();
    await projector.start();
    await fill(3);
    await followed(projector);
    const wanted = { ttlMs: 60_000, tags: [], needs: 0n, passed: 0n, announced: 0n };
    await projector.cache.get('key', wanted, () => Promise.resolve({ json: '1', bytes: 1 }));
    await run();
    await eventually('the cache is empty', () => projector.cache.peek('key') === undefined, 3_000);
  });

  it('waits for a long reader without shutting the others out for long, and then swaps', async function () {
    this.timeout(30_000);
    await fill(3);
    const reader = new pg.Client({ connectionString: shop.url });
    await reader.connect();
    await reader.query('BEGIN; SELECT count(*) FROM accounts');
    const running = run();
    let longest = 0;
    for (const until = performance.now() + 2_500; performance.now() < until;) {
      const beganAt = performance.now();
      await shop.pool.query('SELECT count(*) FROM accounts');
      longest = Math.max(longest, performance.now() - beganAt);
      await pause(10);
    }
    await reader.query('COMMIT');
    await reader.end();
    expect((await running).rows).to.equal(3);
    expect(longest).to.be.greaterThan(100).and.lessThan(1_000);
  });
});
