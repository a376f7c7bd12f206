import { expect } from 'chai';
import { createSession } from '../../src/platform/postgres/pool.ts';
import { takeLock } from '../../src/platform/postgres/schemaLocks.ts';
import type { Session } from '../../src/platform/postgres/session.ts';
import { freshDatabase, type TestDatabase } from '../support/database.ts';
import { eventually } from '../support/eventually.ts';
import { serveShopApart } from '../support/shop.ts';
import { programOn } from './world.ts';

describe('cartulary migrate beside cartulary rebuild', function () {
  this.timeout(120_000);
  let database: TestDatabase;
  let other: Session;
  let run: ReturnType<typeof programOn>;
  beforeEach(async () => {
    database = await freshDatabase();
    run = programOn(database.url);
  });
  afterEach(async () => {
    await other.end();
    await database.drop();
  });

  /** Another program that has a lock on the shop's tables. */
  async function holding(name: string, shared: boolean): Promise<void> {
    other = createSession({ url: database.url, name });
    await other.connect();
    expect(await takeLock(other, { lock: 'tables', shared, waitMs: 0 })).to.equal(true);
  }

  it('refuses a rebuild by name while a migration changes tables, with exit code 1, and does it afterwards', async () => {
    await holding('migrate', false);
    const refused = await run(['rebuild', 'products']);
    expect(refused.code, refused.output).to.equal(1);
    expect(refused.output).to.match(/a migration changes the tables of the shop \(cartulary migrate/);
    await other.end();
    const rebuilt = await run(['rebuild', 'products']);
    expect(rebuilt.code, rebuilt.output).to.equal(0);
  });

  it('refuses to take a migration back while a rebuild runs', async () => {
    await holding('rebuild', true);
    const { code, output } = await run(['migrate', 'down']);
    expect(code, output).to.equal(1);
    expect(output).to.match(/rebuilding a read model of it.*cartulary rebuild/);
  });

  it('lets a server of the new version wait for a rebuild before it migrates, and then serve', async () => {
    await holding('rebuild', true);
    await other.query('DELETE FROM migrations WHERE id = (SELECT max(id) FROM migrations)');
    let served = false;
    const serving = serveShopApart(database.url).then((shop) => {
      served = true;
      return shop;
    });
    await eventually('the server waits for its turn', async () => {
      const asking = `SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'cartulary migrate'
                        AND query LIKE '%pg_try_advisory_lock%'`;
      return (await other.query(asking)).rows.length > 0;
    });
    expect(served).to.equal(false);
    // The migration was applied already, so its record is brought back: nothing is left to do after the rebuild.
    await other.query(`INSERT INTO migrations (name, batch, migration_time)
      SELECT name, 1, now() FROM (VALUES ('${await lastMigration()}')) AS last (name)`);
    await other.end();
    const shop = await serving;
    expect((await fetch(`${shop.shop.url}/readyz`)).status).to.equal(200);
    await shop.process().end('SIGTERM');
  });

  async function lastMigration(): Promise<string> {
    const { answer } = await run(['migrate', 'status', '--json']);
    return (JSON.parse(answer) as { pending: string[] }).pending[0]!;
  }
});
