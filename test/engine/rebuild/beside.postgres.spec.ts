import { expect } from 'chai';
import { TableChanged } from '../../../src/engine/rebuild/shape.ts';
import type { EventStore } from '../../../src/eventstore/eventStore.ts';
import { scan } from '../../../src/eventstore/scan.ts';
import { migrateUp } from '../../../src/platform/postgres/migrate.ts';
import { createSession } from '../../../src/platform/postgres/pool.ts';
import { takeLock } from '../../../src/platform/postgres/schemaLocks.ts';
import { bank, type Bank } from '../project/example.ts';
import { rejection } from '../../support/rejection.ts';
import { rebuilding, type Rebuilding } from './rebuilding.ts';

const WAIT_MS = 300;

describe('a rebuild beside a migration', function () {
  this.timeout(60_000);
  let shop: Bank;
  let { run, expectFold, fill } = {} as Rebuilding;
  beforeEach(async () => {
    shop = await bank();
    ({ run, expectFold, fill } = rebuilding(shop));
    await fill(5);
    await run();
  });
  afterEach(() => shop.close());

  /** The shop's log; `act` is called each time when a rebuild has read it to its end, before the tables are swapped. */
  const beside = (act: () => Promise<unknown>): { store: EventStore } => ({
    store: {
      ...shop.store,
      scan: async function* (range) {
        yield* scan(shop.store, range);
        await act();
      },
    },
  });
  const shape = async (): Promise<string> => {
    const { rows } = await shop.pool.query<{ shape: string }>(
      `SELECT concat_ws(' ',
         (SELECT string_agg(concat_ws(' ', attname, format_type(atttypid, atttypmod), attnotnull,
            (SELECT pg_get_expr(adbin, adrelid) FROM pg_attrdef WHERE adrelid = attrelid AND adnum = attnum)), ', ' ORDER BY attname)
          FROM pg_attribute WHERE attrelid = 'accounts'::regclass AND attnum > 0 AND NOT attisdropped),
         (SELECT string_agg(indexdef, ', ' ORDER BY indexname) FROM pg_indexes WHERE tablename = 'accounts'),
         (SELECT string_agg(tgname, ', ') FROM pg_trigger WHERE tgrelid = 'accounts'::regclass)) AS shape`,
    );
    return rows[0]!.shape;
  };

  for (const [what, sql] of Object.entries({
    column: `ALTER TABLE accounts ADD COLUMN note text NOT NULL DEFAULT 'none'`,
    type: 'ALTER TABLE accounts ALTER COLUMN balance TYPE integer',
    default: 'ALTER TABLE accounts ALTER COLUMN balance SET DEFAULT 7',
    index: 'CREATE INDEX accounts_new ON accounts (balance)',
    nullability: 'ALTER TABLE accounts ALTER COLUMN owner DROP NOT NULL',
    trigger: `CREATE TRIGGER same BEFORE UPDATE ON accounts FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()`,
  })) {
    it(`starts over when a migration of another version changes the table meanwhile, and keeps its ${what}`, async () => {
      const before = await shape();
      let changed: Promise<unknown> | undefined;
      const { differences, rows } = await run(beside(() => (changed ??= shop.pool.query(sql))));
      const after = await shape();
      expect(after).not.to.equal(before);
      expect({ differences, rows }).to.deep.equal({ differences: 0, rows: 5 });
      await run();
      expect(await shape()).to.equal(after);
      await expectFold();
    });
  }

  it('gives up by name, with the live table as it is, when the table changes each time', async () => {
    let columns = 0;
    const error = await rejection(
      run(beside(() => shop.pool.query(`ALTER TABLE accounts ADD COLUMN extra_${(columns += 1)} int`))),
    );
    expect(error).to.be.instanceOf(TableChanged);
    expect(error.message).to.match(/accounts was changed while it was being rebuilt \(it has column extra_/);
    expect(await shape()).to.contain('extra_1 integer');
    expect((await run()).rows).to.equal(5);
  });

  it('is refused by name while a migration changes tables', async () => {
    const migration = createSession({ url: shop.url, name: 'migrate' });
    await migration.connect();
    try {
      await takeLock(migration, { lock: 'tables', waitMs: 0 });
      expect((await rejection(run({ tablesWaitMs: WAIT_MS }))).message).to.match(
        /a migration changes the tables of the shop \(cartulary migrate \(Postgres process \d+\)\)/,
      );
    } finally {
      await migration.end();
    }
    expect((await run()).rows).to.equal(5);
  });

  it('keeps a migration waiting, which then says by name what it waits for', async () => {
    await shop.pool.query('DELETE FROM migrations WHERE id = (SELECT max(id) FROM migrations)');
    let refused: Error | undefined;
    await run(
      beside(async () => {
        refused = await rejection(migrateUp(shop.url, { waitMs: WAIT_MS }));
      }),
    );
    expect(refused?.message).to.match(/rebuilding a read model of it.*cartulary rebuild \(Postgres process/);
  });
});
