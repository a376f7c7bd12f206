import { randomUUID } from 'node:crypto';
import { once, type EventEmitter } from 'node:events';
import { expect } from 'chai';
import type { EventStore } from '../../../src/eventstore/eventStore.ts';
import { createPool, type Pool } from '../../../src/platform/postgres/pool.ts';
import { createProgress } from '../../../src/engine/project/progress.ts';
import { eventually } from '../../support/eventually.ts';
import { accounts, asAny, bank, event, silent, type Bank } from './example.ts';
import { rebuild } from '../../../src/engine/rebuild/rebuild.ts';

interface Kept {
  readonly position: number;
  readonly balance: number;
}

describe('What a crash of Postgres has taken of a read model', function () {
  this.timeout(30_000);
  let shop: Bank;
  let victim: Pool;
  const id = randomUUID();
  beforeEach(async () => {
    shop = await bank();
    victim = createPool({ url: shop.url, name: 'victim', max: 4, int8: 'number' });
    shop.undo.push(() => victim.end());
  });
  afterEach(() => shop.close());

  const deposit = (): Promise<bigint> => shop.append(id, event('Deposited', { amount: 1 }));
  const state = async (): Promise<Kept> => {
    const { rows } = await shop.pool.query<Kept>(
      `SELECT position, (SELECT balance FROM accounts) AS balance FROM checkpoints WHERE name = 'projection:accounts'`,
    );
    return rows[0]!;
  };
  const writtenAt = (position: bigint): Promise<unknown> =>
    eventually('the checkpoint is there', async () => (await shop.checkpoint()) === position);

  /** Puts rows and checkpoint back together, as a crash does that came before their commit was on the disk. */
  async function crash({ position, balance }: Kept): Promise<void> {
    const broken = once(victim as EventEmitter, 'error');
    await shop.pool.query(
      `WITH rows AS (UPDATE accounts SET balance = ${balance}, position = ${position} RETURNING 1),
         back AS (UPDATE checkpoints SET position = ${position} WHERE name = 'projection:accounts' RETURNING 1)
       SELECT pg_terminate_backend(pid), (SELECT count(*) FROM rows), (SELECT count(*) FROM back)
       FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'cartulary victim'`,
    );
    await broken;
  }

  it('is projected again, and not said to be there before', async () => {
    const progress = createProgress({ pool: victim });
    const projector = shop.projector({ pool: victim, progress });
    await projector.start();
    const first = await shop.append(id, event('Opened', { owner: 'Ada' }), event('Deposited', { amount: 1 }));
    expect(await progress.waitFor(['accounts'], first, 5_000)).to.equal(true);
    await writtenAt(first);
    const kept = await state();
    const last = await deposit();
    expect(await progress.waitFor(['accounts'], last, 5_000)).to.equal(true);
    await writtenAt(last);

    await crash(kept);

    expect(progress.position(['accounts']) < last, 'no longer said to be there').to.equal(true);
    expect(await progress.waitFor(['accounts'], last, 15_000)).to.equal(true);
    expect((await state()).balance).to.equal(2);
  });

  it('is not counted on by a process that only answers', async () => {
    const projector = shop.projector();
    const here = createProgress({ pool: victim });
    await projector.start();
    const first = await shop.append(id, event('Opened', { owner: 'Ada' }), event('Deposited', { amount: 1 }));
    expect(await projector.progress.waitFor(['accounts'], first, 5_000)).to.equal(true);
    await writtenAt(first);
    const kept = await state();
    const last = await deposit();
    expect(await here.waitFor(['accounts'], last, 5_000)).to.equal(true);
    await projector.stop();

    await crash(kept);

    expect(await here.waitFor(['accounts'], last, 200)).to.equal(false);
    await shop.projector().start();
    expect(await here.waitFor(['accounts'], last, 15_000)).to.equal(true);
  });

  it('is not noted by a look at the checkpoints that the crash overtakes', async () => {
    const here = createProgress({ pool: victim });
    const projector = shop.projector();
    await projector.start();
    const first = await shop.append(id, event('Opened', { owner: 'Ada' }), event('Deposited', { amount: 1 }));
    await writtenAt(first);
    await projector.stop();
    const kept = { ...(await state()), position: 0 };
    let crashed = false;
    here.onOthersMoved(async () => {
      if (!crashed) await crash(kept);
      crashed = true;
    });
    await here.refresh(['accounts']);
    expect(crashed).to.equal(true);
    expect(await here.waitFor(['accounts'], first, 200)).to.equal(false);
  });

  it('may be events that a failover took of the log, too: a projector that holds one in memory drops it', async () => {
    const first = await shop.append(id, event('Opened', { owner: 'Ada' }), event('Deposited', { amount: 1 }));
    let readers = 0;
    async function* follow(...asked: Parameters<EventStore['follow']>) {
      readers += 1;
      if (readers > 1) return yield* shop.store.follow(...asked);
      const events = await shop.store.readAll(0n);
      yield events;
      await crash(await state());
      yield [{ ...events.at(-1)!, id: randomUUID(), data: { amount: 100 }, position: first + 1n, revision: 2n }];
    }
    const progress = createProgress({ pool: victim });
    await shop.projector({ pool: victim, progress, store: { ...shop.store, follow } }).start();
    await writtenAt(first);
    await eventually('the log is read again', () => readers > 1);
    expect(await deposit(), 'takes the place of the lost event').to.equal(first + 1n);
    expect(await progress.waitFor(['accounts'], first + 1n, 15_000)).to.equal(true);
    expect((await state()).balance).to.equal(2);
  });

  describe('where nothing would notice it', () => {
    /** Notes at each commit whether it waits for the disk. */
    const watchCommits = (table: string, event: string): Promise<unknown> =>
      shop.pool.query(`
        CREATE TABLE IF NOT EXISTS commits (at timestamptz DEFAULT clock_timestamp(), waits text);
        CREATE OR REPLACE FUNCTION look() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
          INSERT INTO commits (waits) VALUES (current_setting('synchronous_commit'));
          RETURN NULL; END $$;
        CREATE CONSTRAINT TRIGGER look AFTER ${event} ON ${table} DEFERRABLE INITIALLY DEFERRED
          FOR EACH ROW EXECUTE FUNCTION look()`);
    const lastCommit = async (): Promise<string | undefined> => {
      const { rows } = await shop.pool.query<{ waits: string }>('SELECT waits FROM commits ORDER BY at DESC LIMIT 1');
      return rows[0]?.waits;
    };

    it('cannot be a rebuild: it is on the disk once it is reported', async () => {
      await shop.append(id, event('Opened', { owner: 'Ada' }));
      await watchCommits('checkpoints', 'UPDATE');
      await rebuild({ url: shop.url, store: shop.store, projection: asAny(accounts), log: silent });
      expect(await lastCommit()).to.equal('on');
    });

    it('cannot be the handling of parked events', async () => {
      const projector = shop.projector();
      await projector.start();
      await shop.append(id, event('Opened', { owner: 'Ada' }));
      const position = await shop.append(id, event('Deposited', { amount: -2_000_000 }));
      await projector.progress.waitFor(['accounts'], position, 5_000);
      await eventually('it is parked', async () => (await projector.status())[0]?.parked === 1);
      await watchCommits('dead_letters', 'UPDATE');
      await shop.pool.query(`UPDATE dead_letters SET status = 'skip'`);
      await shop.pool.query('TRUNCATE commits');
      expect(await eventually('it is drained', lastCommit)).to.equal('on');
    });
  });
});
