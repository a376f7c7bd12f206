import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import { acquireLease } from '../../../src/engine/follow/lease.ts';
import { createPostgresListener } from '../../../src/eventstore/postgres/listener.ts';
import { createProgress } from '../../../src/engine/project/progress.ts';
import { createPool, type Pool } from '../../../src/platform/postgres/pool.ts';
import { eventually } from '../../support/eventually.ts';
import { muteProxy } from '../../support/muteProxy.ts';
import { bank, event, silent, type Bank } from '../project/example.ts';

/** Connections are given up after some 3 s of silence. A crowded machine may take longer. */
const GIVEN_UP_MS = 20_000;
const NEVER_MS = 1_000_000;

describe('A follower whose connections go silent', function () {
  this.timeout(60_000);
  let shop: Bank;
  let proxy: Awaited<ReturnType<typeof muteProxy>>;
  let pool: Pool;
  beforeEach(async () => {
    shop = await bank();
    proxy = await muteProxy(shop.url);
    shop.undo.push(() => {
      proxy.close();
      return Promise.resolve();
    });
    pool = createPool({ url: proxy.url, name: 'muted', max: 4, int8: 'number' });
    shop.undo.push(() => pool.end());
  });
  afterEach(() => shop.close());

  it('goes on over new connections, as the owner', async () => {
    const progress = createProgress({ pool });
    const projector = shop.projector({ pool, progress });
    await projector.start();
    const id = randomUUID();
    const first = await shop.append(id, event('Opened', { owner: 'Ada' }));
    expect(await progress.waitFor(['accounts'], first, 5_000)).to.equal(true);
    proxy.mute();
    const last = await shop.append(id, event('Deposited', { amount: 1 }));
    expect(await progress.waitFor(['accounts'], last, GIVEN_UP_MS)).to.equal(true);
    expect((await shop.rows()).map(({ balance }) => balance)).to.deep.equal([1]);
  });

  it('loses its lease by its own clock before another process may take it', async () => {
    const options = { name: 'test', store: shop.store, log: silent, leaseMs: 1_500 };
    const lease = await acquireLease(pool, { ...options, owner: 'a', renewMs: 300 });
    proxy.mute();
    const lostAt = new Promise<number>((resolve) => {
      lease!.lost.addEventListener('abort', () => resolve(performance.now()), { once: true });
    });
    const taken = async (): Promise<number> => {
      const next = await eventually('it is free', () => acquireLease(shop.pool, { ...options, owner: 'b' }));
      const at = performance.now();
      await next.release();
      return at;
    };
    const [lost, taking] = await Promise.all([lostAt, taken()]);
    expect(lost).to.be.lessThan(taking);
  });

  it('is not counted on by queries of its process once its lease has ended', async () => {
    const progress = createProgress({ pool: shop.pool });
    const projector = shop.projector({ pool, progress, leaseMs: 1_500, renewMs: NEVER_MS });
    await projector.start();
    await eventually('it owns the projection', () => progress.isOwn(['accounts']));
    proxy.mute();
    await eventually('it no longer owns it', () => !progress.isOwn(['accounts']), GIVEN_UP_MS);
  });

  it('hears news of the log again', async () => {
    let news = 0;
    const listener = createPostgresListener({ url: proxy.url, onNews: () => (news += 1) });
    listener.start();
    shop.undo.push(() => listener.close());
    await eventually('it listens', () => news > 0);
    proxy.mute();
    news = 0;
    await eventually('it listens again', () => news > 0, GIVEN_UP_MS);
  });

  it('shows others that it is alive over a new connection', async () => {
    const options = { name: 'test', store: shop.store, log: silent };
    await acquireLease(pool, { ...options, owner: 'a', renewMs: 100 });
    const holders = async (): Promise<number[]> => {
      const { rows } = await shop.pool.query<{ pid: number }>(
        `SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted
           AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`,
      );
      return rows.map(({ pid }) => pid);
    };
    const before = await eventually('it shows itself', async () => (await holders())[0]);
    proxy.mute();
    await eventually(
      'another connection shows it',
      async () => (await holders()).some((pid) => pid !== before),
      GIVEN_UP_MS,
    );
  });
});
