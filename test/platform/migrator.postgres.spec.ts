import { expect } from 'chai';
import { applyAll, appliedTo, takeBack, type Migrator } from '../../src/platform/postgres/migrator.ts';
import type { Migration } from '../../src/platform/postgres/migration.ts';
import { createSession } from '../../src/platform/postgres/pool.ts';
import { takeLock } from '../../src/platform/postgres/schemaLocks.ts';
import type { Session } from '../../src/platform/postgres/session.ts';
import { freshDatabase, type TestDatabase } from '../support/database.ts';
import { eventually } from '../support/eventually.ts';
import { rejection } from '../support/rejection.ts';

const GOODS = 2_500;
const BATCH_ROWS = 1_000;

/** A table of goods; then a column of it that is filled in batches, and an index, while the table is in use. */
const MIGRATIONS: Record<string, Migration> = {
  '0001_goods': {
    up: (db) =>
      db.raw(`CREATE TABLE goods (id int PRIMARY KEY, name text NOT NULL);
              INSERT INTO goods SELECT n, 'Good ' || n FROM generate_series(1, ${GOODS}) AS n`),
    down: (db) => db.raw('DROP TABLE goods'),
  },
  '0002_words': {
    steps: [
      { name: 'column', run: (db) => db.raw('ALTER TABLE goods ADD COLUMN words text') },
      {
        name: 'fill',
        batch: async (db) =>
          (
            await db.raw(`UPDATE goods SET words = lower(name)
                          WHERE id IN (SELECT id FROM goods WHERE words IS NULL LIMIT ${BATCH_ROWS})`)
          ).rowCount ?? 0,
      },
      { name: 'index', index: 'goods_words', on: 'goods (words)' },
    ],
    down: (db) => db.raw('ALTER TABLE goods DROP COLUMN words'),
  },
};

describe('a migration in steps', function () {
  this.timeout(60_000);
  let database: TestDatabase;
  let connection: Session;
  let created: string[];
  beforeEach(async () => {
    database = await freshDatabase({ migrated: false });
    connection = createSession({ url: database.url, name: 'test', statementTimeoutMs: 0, lockTimeoutMs: 0 });
    await connection.connect();
    created = [];
  });
  afterEach(async () => {
    await connection.end();
    await database.drop();
  });

  const migrator = (migrations: Readonly<Record<string, Migration>> = MIGRATIONS): Migrator => ({
    connection,
    load: (name) => Promise.resolve(migrations[name]!),
    onTables: (_db, tables) => {
      created.push(...tables);
      return Promise.resolve();
    },
  });
  const one = async <T>(sql: string): Promise<T> => (await connection.query<{ one: T }>(sql)).rows[0]!.one;
  const unfilled = () => one<number>('SELECT count(*)::int AS one FROM goods WHERE words IS NULL');

  it('is applied once, fills in batches, and tells which tables are new', async () => {
    await applyAll(migrator(), ['0001_goods', '0002_words']);
    expect(await appliedTo(connection)).to.deep.equal(['0001_goods', '0002_words']);
    expect(created).to.deep.equal(['goods']);
    expect(await unfilled()).to.equal(0);
    expect(await one(`SELECT indisvalid AS one FROM pg_index WHERE indexrelid = 'goods_words'::regclass`)).to.equal(
      true,
    );
    await takeBack(migrator(), '0002_words');
    expect(await appliedTo(connection)).to.deep.equal(['0001_goods']);
    await applyAll(migrator(), ['0002_words']);
    expect(await unfilled()).to.equal(0);
  });

  it('goes on with the step at which it was cut off, and makes an index again that was left half made', async () => {
    await applyAll(migrator(), ['0001_goods']);
    const [column, , index] = MIGRATIONS['0002_words']!.steps!;
    const broken = {
      name: 'fill',
      batch: async (db: Parameters<Migration['down']>[0]) => {
        await db.raw('UPDATE goods SET words = name WHERE id = 1');
        throw new Error('the process was killed');
      },
    };
    const half = { ...MIGRATIONS, '0002_words': { ...MIGRATIONS['0002_words']!, steps: [column!, broken, index!] } };
    expect(await rejection(applyAll(migrator(half), ['0002_words']))).to.have.property(
      'message',
      'the process was killed',
    );
    expect(await unfilled()).to.equal(GOODS);
    await connection.query('CREATE INDEX goods_words ON goods (words)');
    await connection.query(`UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'goods_words'::regclass`);
    await applyAll(migrator(), ['0002_words']);
    expect(await unfilled()).to.equal(0);
    expect(await one(`SELECT indisvalid AS one FROM pg_index WHERE indexrelid = 'goods_words'::regclass`)).to.equal(
      true,
    );
    expect(await one('SELECT count(*)::int AS one FROM migration_steps')).to.equal(0);
  });

  it('does not let readers queue for long behind it while a long transaction has the table, and is tried again', async () => {
    await applyAll(migrator(), ['0001_goods']);
    const [reader, other] = [1, 2].map(() => createSession({ url: database.url, name: 'test', lockTimeoutMs: 5_000 }));
    await Promise.all([reader!.connect(), other!.connect()]);
    try {
      await reader!.query('SET idle_in_transaction_session_timeout = 0; BEGIN; SELECT count(*) FROM goods');
      const applied = applyAll(migrator(), ['0002_words']);
      await eventually('the migration waits for the table', async () => {
        const waiting = `SELECT 1 FROM pg_locks WHERE relation = 'goods'::regclass AND NOT granted`;
        return (await other!.query(waiting)).rows.length > 0;
      });
      expect((await other!.query('SELECT 1 FROM goods LIMIT 1')).rows).to.have.length(1);
      await reader!.query('COMMIT');
      await applied;
      expect(await unfilled()).to.equal(0);
    } finally {
      await Promise.all([reader!.end(), other!.end()]);
    }
  });

  it('waits for its turn without a statement that would hold back an index of the one before', async () => {
    expect(await takeLock(connection, { lock: 'tables', waitMs: 0 })).to.equal(true);
    const waiting = createSession({ url: database.url, name: 'test' });
    await waiting.connect();
    try {
      const turn = takeLock(waiting, { lock: 'tables', waitMs: 30_000 });
      await applyAll(migrator(), ['0001_goods', '0002_words']);
      await connection.query('SELECT pg_advisory_unlock_all()');
      expect(await turn).to.equal(true);
    } finally {
      await waiting.end();
    }
  });
});
