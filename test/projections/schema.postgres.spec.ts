import { expect } from 'chai';
import { createPool, type Pool } from '../../src/platform/postgres/pool.ts';
import { projections } from '../../src/projections/index.ts';
import { freshDatabase, type TestDatabase } from '../support/database.ts';

/** The engine's own columns of every read model. */
const ENGINE = { revision: 'bigint', position: 'bigint' };
/** Column types of Postgres, as projections name them. */
const NAMES: Readonly<Record<string, string>> = {
  integer: 'int',
  'double precision': 'float8',
  'timestamp with time zone': 'timestamptz',
};
const COLUMNS = `SELECT column_name AS name, data_type AS type FROM information_schema.columns
  WHERE table_schema = current_schema() AND table_name = $1 AND is_generated = 'NEVER'`;
const KEY = `SELECT a.attname AS name FROM pg_index i
  JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey)
  WHERE i.indrelid = to_regclass($1) AND i.indisprimary`;

describe('read models', () => {
  let database: TestDatabase;
  let pool: Pool;
  before(async () => {
    database = await freshDatabase();
    pool = createPool({ url: database.url, name: 'schema', max: 1, int8: 'number' });
  });
  after(async () => {
    await pool.end();
    await database.drop();
  });

  it('are each in a table of their own', () => {
    for (const of of ['name', 'table'] as const) {
      expect(new Set(projections.map((projection) => projection[of])).size).to.equal(projections.length);
    }
  });

  for (const { name, table, key, columns } of projections) {
    it(`${name} has the columns of its table, as migrations make it`, async () => {
      const { rows } = await pool.query<{ name: string; type: string }>(COLUMNS, [table]);
      const found = Object.fromEntries(rows.map((column) => [column.name, NAMES[column.type] ?? column.type]));
      expect(found).to.deep.equal({ ...columns, ...ENGINE });
      const keys = await pool.query<{ name: string }>(KEY, [table]);
      expect(keys.rows).to.deep.equal([{ name: key }]);
    });
  }
});
