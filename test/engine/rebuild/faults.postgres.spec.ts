import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import { listDeadLetters, requestSkip } from '../../../src/engine/follow/deadLetterRequests.ts';
import { RebuildRunning } from '../../../src/engine/rebuild/rebuild.ts';
import { eventually } from '../../support/eventually.ts';
import { accounts, asAny, bank, dieAt, event, type AccountRow, type Bank } from '../project/example.ts';
import { rebuilding, type Rebuilding } from './rebuilding.ts';

describe('A rebuild that meets trouble', () => {
  let shop: Bank;
  let { run, followed, expectFold, fill } = {} as Rebuilding;
  beforeEach(async () => {
    shop = await bank();
    ({ run, followed, expectFold, fill } = rebuilding(shop));
  });
  afterEach(() => shop.close());

  it('is one at a time for one projection, and shown as under way to any process', async () => {
    const projector = shop.projector();
    await projector.start();
    await fill(3);
    const stateOf = async (): Promise<string | undefined> => (await projector.status())[0]?.state;
    const reader = await shop.pool.connect();
    await reader.query('BEGIN; SELECT count(*) FROM accounts');
    const running = run();
    await eventually('it is under way', async () => (await stateOf()) === 'rebuilding');

    expect(await run().catch((error: unknown) => error)).to.be.instanceOf(RebuildRunning);

    await reader.query('COMMIT');
    reader.release();
    expect((await running).rows).to.equal(3);
    await eventually('it follows again', async () => (await stateOf()) === 'following');
    expect((await run()).rows).to.equal(3);
  });

  it('gives up when told to, leaving the live table as it is and nothing behind', async () => {
    await fill(5);
    await run();
    const giveUp = new AbortController();
    const before = await shop.rows();
    const error = await run({ signal: giveUp.signal, onProgress: () => giveUp.abort(new Error('enough')) }).catch(
      (failure: unknown) => failure,
    );
    expect(error).to.be.an('error').with.property('message', 'enough');
    expect(await shop.rows()).to.deep.equal(before);
    const { rows } = await shop.pool.query(`SELECT 1 FROM pg_tables WHERE tablename = 'rebuild_accounts'`);
    expect(rows).to.deep.equal([]);
  });

  it('makes a projection fit for the log it is connected to', async () => {
    await fill(3);
    await shop.pool.query(
      `INSERT INTO checkpoints (name, epoch, position) VALUES ('projection:accounts', gen_random_uuid(), 1000000)`,
    );
    await run();
    const projector = shop.projector();
    await projector.start();
    await fill(1);
    await followed(projector);
    await expectFold();
  });

  for (const point of ['rebuild:loaded', 'rebuild:before-swap']) {
    it(`killed at ${point} leaves the live table serving and, run again, completes`, async function () {
      this.timeout(60_000);
      const projector = shop.projector();
      await projector.start();
      const ids = await fill(10);
      await followed(projector);
      await dieAt(point, ['rebuild', shop.url], async () => {
        await shop.append(ids[0]!, event('Deposited', { amount: 1 }));
        await shop.pool.query('SELECT count(*) FROM accounts');
      });
      await shop.append(ids[0]!, event('Deposited', { amount: 1 }));
      await followed(projector);
      await expectFold();
      const { rows } = await shop.pool.query(`SELECT 1 FROM pg_tables WHERE tablename = 'rebuild_accounts'`);
      expect(rows).to.have.length(1);

      expect((await run()).differences).to.equal(0);

      await shop.append(ids[0]!, event('Deposited', { amount: 1 }));
      await followed(projector);
      await expectFold();
    });
  }

  describe('of a log with events that cannot be applied', () => {
    const letters = async (): Promise<string[]> =>
      (await listDeadLetters(shop.pool, { closed: true })).map(({ type, status }) => `${type} ${status}`);
    const balances = async (): Promise<unknown[]> => (await shop.rows()).map(({ balance }) => balance);
    let id: string;
    beforeEach(async () => {
      id = randomUUID();
      await shop.append(id, event('Opened', { owner: 'Ada' }), event('Deposited', { amount: 1 }));
    });

    it('parks them, whether they throw or Postgres refuses them', async () => {
      const other = randomUUID();
      await shop.append(other, event('Opened', { owner: 'Ben' }), event('Withdrawn', { amount: 2_000_000 }));
      await shop.append(other, event('Deposited', { amount: 1 }));
      await shop.append(id, event('Deposited', { amount: 2, fail: 'row' }), event('Deposited', { amount: 4 }));

      await shop.append(randomUUID(), event('Opened', { owner: 7 }));

      expect((await run()).parked).to.equal(5);

      expect((await balances()).sort()).to.deep.equal([0, 1]);
      expect(await letters()).to.deep.equal([
        'Withdrawn dead',
        'Deposited waiting',
        'Deposited dead',
        'Deposited waiting',
        'Opened dead',
      ]);
      const projector = shop.projector();
      await projector.start();
      await shop.append(id, event('Deposited', { amount: 8 }));
      await followed(projector);
      expect((await balances()).sort()).to.deep.equal([0, 1]);
    });

    it('resolves what succeeds now, and leaves out what was skipped', async () => {
      const mended = asAny<AccountRow>({
        ...accounts,
        on: {
          ...accounts.on,
          Deposited: {
            ...accounts.on['Deposited']!,
            row: (row, { data, id: eventId }) =>
              row && {
                ...row,
                balance: row.balance + (data as { amount: number }).amount,
                seen: [...row.seen, eventId],
              },
          },
        },
      });
      const projector = shop.projector();
      await projector.start();
      await shop.append(id, event('Deposited', { amount: 10, fail: 'row' }));
      await eventually('it is parked', async () => (await letters()).length === 1);
      const [first] = await listDeadLetters(shop.pool);
      await requestSkip(shop.pool, { id: first!.id, actor: 'cli:anna' });
      await eventually('it is skipped', async () => (await letters())[0] === 'Deposited skipped');
      await shop.append(id, event('Deposited', { amount: 100, fail: 'row' }), event('Deposited', { amount: 1_000 }));
      await followed(projector);
      expect(await letters()).to.deep.equal(['Deposited skipped', 'Deposited dead', 'Deposited waiting']);
      await projector.stop();

      expect(await run({ projection: mended })).to.include({ parked: 0, differences: 1 });

      expect(await balances()).to.deep.equal([1_101]);
      expect(await letters()).to.deep.equal(['Deposited skipped', 'Deposited resolved', 'Deposited resolved']);
      const after = shop.projector({ projections: [mended] });
      await after.start();
      await shop.append(id, event('Deposited', { amount: 10_000 }));
      await followed(after);
      expect(await balances()).to.deep.equal([11_101]);
    });
  });
});
