import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { expect } from 'chai';
import { acquireLease, LeaseLost, type Lease } from '../../../src/engine/follow/lease.ts';
import { createPool, withTx, type Pool } from '../../../src/platform/postgres/pool.ts';
import { eventually } from '../../support/eventually.ts';
import { bank, event, silent, type Bank } from '../project/example.ts';

const NEVER_MS = 1_000_000;

describe('A lease', () => {
  let shop: Bank;
  beforeEach(async () => {
    shop = await bank();
  });
  afterEach(() => shop.close());

  const poolOf = (name: string): Pool => {
    const pool = createPool({ url: shop.url, name, max: 4, int8: 'bigint' });
    shop.undo.push(() => pool.end());
    return pool;
  };
  const acquire = async (pool: Pool, owner: string, more: { leaseMs?: number; renewMs?: number } = {}) => {
    const lease = await acquireLease(pool, { name: 'test', owner, store: shop.store, log: silent, ...more });
    if (lease !== undefined) shop.undo.push(() => lease.release());
    return lease;
  };
  const advance = (pool: Pool, lease: Lease, to: bigint): Promise<void> =>
    withTx(pool, (tx) => lease.advance(tx, to)).then(() => lease.moved(to));
  const lost = (work: Promise<unknown>): Promise<boolean> =>
    work.then(
      () => false,
      (error: unknown) => error instanceof LeaseLost,
    );

  it('is one owner’s at a time, and the next one’s at once when it is given back', async () => {
    const [a, b] = [poolOf('a'), poolOf('b')];
    const first = await acquire(a, 'a');
    expect(await acquire(b, 'b')).to.equal(undefined);
    await shop.append(randomUUID(), event('Ignored'));
    await advance(a, first!, 1n);
    await first!.release();
    const second = await acquire(b, 'b');
    expect([second?.position, second!.epoch - first!.epoch]).to.deep.equal([1n, 1n]);
  });

  it('is free at once when its owner’s connections are gone', async () => {
    const [a, b] = [poolOf('a'), poolOf('b')];
    await acquire(a, 'a', { renewMs: NEVER_MS });
    expect(await acquire(b, 'b')).to.equal(undefined);
    await shop.pool.query(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
       WHERE datname = current_database() AND application_name = 'cartulary a'`,
    );
    await eventually('it is free', () => acquire(b, 'b'), 1_000);
  });

  it('is kept by renewal, and free when it has run out', async () => {
    const [a, b] = [poolOf('a'), poolOf('b')];
    const kept = await acquire(a, 'a', { leaseMs: 200, renewMs: 50 });
    await pause(400);
    expect(await acquire(b, 'b')).to.equal(undefined);
    await kept!.release();
    await acquire(a, 'a', { leaseMs: 200, renewMs: NEVER_MS });
    await eventually('it has run out', () => acquire(b, 'b'), 1_000);
  });

  it('keeps a zombie from committing, even at the position that it knows', async () => {
    const [a, b] = [poolOf('a'), poolOf('b')];
    const zombie = await acquire(a, 'a', { leaseMs: 50, renewMs: NEVER_MS });
    const owner = await eventually('it has run out', () => acquire(b, 'b'), 1_000);
    expect(await lost(advance(a, zombie!, 1n))).to.equal(true);
    expect(zombie!.lost.aborted).to.equal(true);
    await advance(b, owner, 2n);
    expect(await shop.checkpoint('test')).to.equal(2n);
  });

  it('does not move when the checkpoint is not where it was left', async () => {
    const pool = poolOf('a');
    const lease = await acquire(pool, 'a');
    await withTx(pool, (tx) => lease!.advance(tx, 5n));
    expect(await lost(advance(pool, lease!, 6n))).to.equal(true);
    expect(await shop.checkpoint('test')).to.equal(5n);
  });

  it('stays where it was when the transaction is rolled back', async () => {
    const pool = poolOf('a');
    const lease = await acquire(pool, 'a');
    await withTx(pool, async (tx) => {
      await lease!.advance(tx, 5n);
      throw new Error('changed my mind');
    }).catch(() => undefined);
    await advance(pool, lease!, 6n);
    expect(await shop.checkpoint('test')).to.equal(6n);
  });

  it('is refused for a checkpoint of another log, and for one ahead of the log', async () => {
    const pool = poolOf('a');
    const messageOf = (): Promise<string> =>
      acquire(pool, 'a').then(
        () => 'acquired',
        (error: unknown) => String(error),
      );
    await shop.pool.query(`INSERT INTO checkpoints (name, epoch, position) VALUES ('test', gen_random_uuid(), 0)`);
    expect(await messageOf()).to.contain('belongs to another log');
    const { epoch } = await shop.store.head();
    await shop.pool.query('UPDATE checkpoints SET position = 7, epoch = $1', [epoch]);
    expect(await messageOf()).to.contain("ahead of the log's head");
    await shop.append(randomUUID(), ...Array.from({ length: 7 }, () => event('Ignored')));
    expect(await messageOf()).to.equal('acquired');
  });

  describe('of a projection', () => {
    it('lets one of two projectors work, and the other take over when the first stops', async () => {
      const [one, two] = [shop.projector(), shop.projector()];
      await one.start();
      const id = randomUUID();
      const first = await shop.append(id, event('Opened', { owner: 'Ada' }));
      expect(await one.progress.waitFor(['accounts'], first, 5_000)).to.equal(true);
      await two.start();
      await eventually('the other one stands by', async () => (await two.status())[0]?.state === 'standby');
      expect((await one.status())[0]?.state).to.equal('following');
      expect(await two.progress.waitFor(['accounts'], first, 5_000)).to.equal(true);

      await one.stop();
      const second = await shop.append(id, event('Deposited', { amount: 1 }));
      expect(await two.progress.waitFor(['accounts'], second, 5_000)).to.equal(true);
      expect((await two.status())[0]?.state).to.equal('following');
    });

    it('keeps a projector that was frozen in its commit from writing when it wakes', async () => {
      let wake = (): void => undefined;
      let frozen = false;
      const pool = new Proxy(shop.pool, {
        get: (target, property, receiver) =>
          property !== 'query'
            ? (Reflect.get(target, property, receiver) as unknown)
            : async (...args: [never]) => {
                const { name } = args[0] as { name?: string };
                if (name?.startsWith('accounts/accounts.o') === true && !frozen) {
                  frozen = true;
                  await new Promise<void>((resolve) => (wake = resolve));
                }
                return target.query(...args);
              },
      });
      const zombie = shop.projector({ pool, leaseMs: 200, renewMs: NEVER_MS });
      await zombie.start();
      const id = randomUUID();
      await shop.append(id, event('Opened', { owner: 'Ada' }));
      await eventually('the first is frozen', () => frozen);

      const heir = shop.projector({ pool: createNumberPool() });
      await heir.start();
      const position = await shop.append(id, event('Deposited', { amount: 1 }));
      expect(await heir.progress.waitFor(['accounts'], position, 10_000)).to.equal(true);
      const rows = await shop.rows();
      wake();
      await eventually('the zombie has noticed', async () => (await zombie.status())[0]?.state === 'standby');
      expect(await shop.rows()).to.deep.equal(rows);
      expect(rows[0]).to.include({ balance: 1 });
    });

    const createNumberPool = (): Pool => {
      const pool = createPool({ url: shop.url, name: 'heir', max: 4, int8: 'number' });
      shop.undo.push(() => pool.end());
      return pool;
    };

    it('is taken over within ten seconds when its owner vanishes', async () => {
      const vanishing = createNumberPool();
      const gone = shop.projector({ pool: vanishing });
      await gone.start();
      const id = randomUUID();
      const first = await shop.append(id, event('Opened', { owner: 'Ada' }));
      await gone.progress.waitFor(['accounts'], first, 5_000);
      const heir = shop.projector();
      await heir.start();
      await eventually('the heir stands by', async () => (await heir.status())[0]?.state === 'standby');
      // The state that a dead process leaves: an owner in the row, a lease that has not expired, and no connection.
      await gone.stop();
      await shop.pool.query(
        `UPDATE checkpoints SET owner = 'gone', lease_until = now() + interval '8 seconds', lease_epoch = lease_epoch + 1`,
      );
      const beganAt = performance.now();
      const second = await shop.append(id, event('Deposited', { amount: 1 }));
      expect(await heir.progress.waitFor(['accounts'], second, 10_000)).to.equal(true);
      expect(performance.now() - beganAt).to.be.lessThan(10_000);
    });

    it('is refused on a restored log, and says so', async () => {
      await shop.pool.query(
        `INSERT INTO checkpoints (name, epoch, position) VALUES ('projection:accounts', gen_random_uuid(), 0)`,
      );
      const projector = shop.projector();
      await projector.start();
      await shop.append(randomUUID(), event('Opened', { owner: 'Ada' }));
      const status = await eventually('it has said so', async () => {
        const [found] = await projector.status();
        return found?.lastError === undefined ? undefined : found;
      });
      expect([status.state, status.lastError]).to.deep.equal(['stopped', status.lastError]);
      expect(status.lastError).to.contain('belongs to another log');
      expect(await shop.rows()).to.deep.equal([]);
    });
  });
});
