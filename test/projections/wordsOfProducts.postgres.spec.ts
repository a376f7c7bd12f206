import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import { type Wanted, wantedIn } from '../../src/aggregates/words.ts';
import { migrateDown, migrateStatus, migrateUp } from '../../src/platform/postgres/migrate.ts';
import { createPool, type Pool } from '../../src/platform/postgres/pool.ts';
import { literal, vectorOf } from '../../src/projections/search.ts';
import { freshDatabase, type TestDatabase } from '../support/database.ts';

const MIGRATION = '0011_words_of_products';
/** More than one batch of the migration. */
const MANY = 5_500;

const tsqueryOf = (wanted: readonly Wanted[]): string =>
  wanted.map((forms) => `(${forms.map((terms) => terms.map(literal).join(' & ')).join(' | ')})`).join(' & ');

describe('the words of the products of an older shop', function () {
  this.timeout(60_000);
  let database: TestDatabase;
  let pool: Pool;
  beforeEach(async () => {
    database = await freshDatabase();
    pool = createPool({ url: database.url, name: 'test', max: 2, int8: 'number' });
    while ((await migrateStatus(database.url)).applied.includes(MIGRATION)) await migrateDown(database.url);
  });
  afterEach(async () => {
    await pool.end();
    await database.drop();
  });

  /** Writes a row as the version before does it. */
  const writeOld = (id: string, name: string, description = '') =>
    pool.query(
      `INSERT INTO products (id, listed, store_id, seller_id, name, description, price, currency, category_id, on_hand, reserved,
         ordered, created_at, updated_at, revision, position)
       VALUES ($1, true, $1, $1, $2, $3, 1, 'EUR', $1, 0, 0, 0, now(), now(), 0, 1)
       ON CONFLICT (id) DO UPDATE SET name = EXCLUDED.name, description = EXCLUDED.description`,
      [id, name, description],
    );
  const writeNew = (id: string, name: string, words = vectorOf(name, '')) =>
    pool.query('UPDATE products SET name = $2, words = $3::text::tsvector WHERE id = $1', [id, name, words]);
  const found = async (typed: string): Promise<string[]> => {
    const sql = 'SELECT name FROM products WHERE listed AND words @@ $1::text::tsquery ORDER BY name COLLATE "C"';
    return (await pool.query<{ name: string }>(sql, [tsqueryOf(wantedIn(typed))])).rows.map(({ name }) => name);
  };
  const fileOf = async (): Promise<unknown> =>
    (await pool.query<{ file: unknown }>(`SELECT pg_relation_filenode('products') AS file`)).rows[0]!.file;

  it('are filled in batches, without the table being written anew, and also where nothing is a word', async () => {
    await pool.query(`
      INSERT INTO products (id, listed, store_id, seller_id, name, description, price, currency, category_id, on_hand, reserved,
        ordered, created_at, updated_at, revision, position)
      SELECT gen_random_uuid(), true, gen_random_uuid(), gen_random_uuid(), 'Nib ' || n, '', 1, 'EUR', gen_random_uuid(), 0, 0, 0,
        now(), now(), 0, 1 FROM generate_series(1, ${MANY}) AS n`);
    await writeOld(randomUUID(), 'AC/DC à la crème', 'Straßenmusik');
    await writeOld(randomUUID(), '---');
    const before = await fileOf();
    await migrateUp(database.url);
    expect(await fileOf()).to.equal(before);
    expect(await found('nib')).to.have.length(MANY);
    expect(await found('dc CREME strassenmusik')).to.deep.equal(['AC/DC à la crème']);
    const { rows } = await pool.query(`
      SELECT count(*) FILTER (WHERE words IS NULL) AS missing,
        (SELECT indisvalid FROM pg_index WHERE indexrelid = 'products_words'::regclass) AS indexed FROM products`);
    expect(rows).to.deep.equal([{ missing: 0, indexed: true }]);
  });

  it('are exact once the projection writes them, whatever processes of the version before list and rename meanwhile', async () => {
    const [old, listed] = [randomUUID(), randomUUID()];
    await writeOld(old, 'Quill');
    await migrateUp(database.url);
    await writeOld(listed, 'Café/Bar');
    await writeOld(old, 'Goose feather');
    for (const [id, name] of [
      [old, 'AC/DC'],
      [old, 'AC/DC.'],
      [listed, 'Inn'],
    ] as const)
      await writeNew(id, name);
    expect(await found('acdc')).to.deep.equal(['AC/DC.']);
    expect([await found('goose'), await found('cafe'), await found('inn')]).to.deep.equal([[], [], ['Inn']]);
  });

  it('fit into the column, however long and odd a text is', async () => {
    await migrateUp(database.url);
    const id = randomUUID();
    await writeOld(id, 'Quill');
    const range = (from: number, length: number): string =>
      Array.from({ length }, (_, at) => String.fromCodePoint(from + at)).join('');
    const long = [
      'x'.repeat(5_000),
      'x.'.repeat(2_500),
      'ﷺ'.repeat(5_000),
      range(0x4e00, 5_000),
      range(0x20000, 5_000),
    ];
    const odd = [range(0x21, 94), range(0x3300, 256), range(0x1f300, 1_000), range(0xac00, 5_000), "'\\ \t\n :1A & |"];
    for (const text of [...long, ...odd]) {
      await writeNew(id, 'Quill', vectorOf('Quill', text));
      expect(await found(`quill ${text.slice(-200)}`), text.slice(0, 20)).to.deep.equal(['Quill']);
    }
  });

  it('need neither trigger nor the former column, and the migration can be taken back', async () => {
    await migrateUp(database.url);
    const shape = async () =>
      (
        await pool.query<{ columns: string[]; triggers: number }>(`
          SELECT array_agg(attname::text) AS columns,
            (SELECT count(*) FROM pg_trigger WHERE tgrelid = 'products'::regclass) AS triggers
          FROM pg_attribute
          WHERE attrelid = 'products'::regclass AND attname IN ('words', 'search')`)
      ).rows;
    expect(await shape()).to.deep.equal([{ columns: ['words'], triggers: 0 }]);
    while ((await migrateStatus(database.url)).applied.includes(MIGRATION)) await migrateDown(database.url);
    expect(await shape()).to.deep.equal([{ columns: ['search'], triggers: 0 }]);
    await writeOld(randomUUID(), 'Quill');
    await migrateUp(database.url);
    expect(await shape()).to.deep.equal([{ columns: ['words'], triggers: 0 }]);
    while ((await migrateStatus(database.url)).applied.includes(MIGRATION)) await migrateDown(database.url);
    expect(await shape()).to.deep.equal([{ columns: ['search'], triggers: 0 }]);
  });
});
