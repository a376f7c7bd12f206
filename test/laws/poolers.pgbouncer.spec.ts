import { expect } from 'chai';
import pg from 'pg';
import { freshDatabase, type TestDatabase } from '../support/database.ts';
import { trade } from '../support/foreign.ts';
import { startPooler, type PoolMode } from '../support/pooler.ts';
import { runCartulary } from '../support/process.ts';
import { JWT_SECRET, MASTER_KEY, must, serveShop } from '../support/shop.ts';
import { equip, strip } from '../support/topology.ts';

const UNFIT_EXIT_CODE = 78;

describe('a shop behind PgBouncer', function () {
  this.timeout(120_000);
  let database: TestDatabase;
  let pooler: Awaited<ReturnType<typeof startPooler>> | undefined;
  beforeEach(async () => {
    database = await freshDatabase({ migrated: false });
  });
  afterEach(async () => {
    if (pooler !== undefined) await strip(pooler.url);
    await pooler?.stop();
    pooler = undefined;
    await database.drop();
  });

  const run = (...args: string[]) =>
    runCartulary(args, { env: { DATABASE_URL: pooler!.url, JWT_SECRET, MASTER_KEY, LOG_LEVEL: 'warn' } });
  async function behind(mode: PoolMode): Promise<string> {
    pooler = await startPooler(database.url, mode);
    await equip(pooler.url);
    return pooler.url;
  }

  it('works in session mode, from the first order to a rebuild', async () => {
    const shop = await serveShop(await behind('session'));
    try {
      const { buyer, order } = await trade(shop.people);
      expect(must(await buyer.call('GET', `/orders/${order}`), 200).data.status).to.equal('paid');
      expect((await fetch(`${shop.url}/readyz`)).status).to.equal(200);
      const rebuilt = await run('rebuild', '--all');
      expect(rebuilt.code, rebuilt.output).to.equal(0);
    } finally {
      await shop.stop();
    }
  });

  for (const mode of ['transaction', 'statement'] as const) {
    it(`is refused by name in ${mode} mode, and leaves no lock behind on which the next would wait`, async () => {
      await behind(mode);
      for (const args of [['serve'], ['migrate', 'up'], ['migrate', 'up']]) {
        const { code, output } = await run(...args);
        expect(code, output).to.equal(UNFIT_EXIT_CODE);
        expect(output).to.contain('set its pool_mode to session');
      }
      const direct = new pg.Client({ connectionString: database.url });
      await direct.connect();
      const { rows } = await direct.query(
        `SELECT 1 FROM pg_locks WHERE locktype = 'advisory'
           AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`,
      );
      await direct.end();
      expect(rows).to.deep.equal([]);
    });
  }
});
