import { expect } from 'chai';
import { createCursors } from '../../../src/engine/ask/cursor.ts';
import { type ListSql, newestFirst, type Order, readPage, type SortKey } from '../../../src/engine/ask/pages.ts';
import { AS_PEOPLE_SORT, conditions } from '../../../src/engine/ask/paging.ts';
import { createPool, type Pool } from '../../../src/platform/postgres/pool.ts';
import { freshDatabase, type TestDatabase } from '../../support/database.ts';
import { rejection } from '../../support/rejection.ts';

const ID: SortKey = { sql: 'id', type: 'uuid' };
const KEYS: Readonly<Record<string, SortKey>> = {
  created_at: { sql: 'created_at', type: 'timestamptz' },
  price: { sql: 'price', type: 'bigint' },
  name: { sql: `name ${AS_PEOPLE_SORT}`, type: 'text' },
  rating: { sql: 'rating', type: 'real', nullable: true },
  sku: { sql: 'sku', type: 'text', nullable: true },
  exact: { sql: 'exact', type: 'double precision' },
};
const orderBy = (name: string, descending: boolean): Order => ({ keys: [KEYS[name]!, ID], descending });

interface Thing {
  readonly id: string;
}

/** 240 rows: half of them of one instant, the others a microsecond apart; names that differ by little; half without a rating. */
const THINGS = `
  CREATE TABLE things (id uuid PRIMARY KEY, created_at timestamptz NOT NULL, price bigint NOT NULL, name text NOT NULL,
                       rating real, sku text, exact double precision NOT NULL);
  INSERT INTO things
    SELECT md5(n::text)::uuid, '2026-03-01T12:00:00.123Z'::timestamptz + CASE WHEN n % 2 = 0 THEN 0 ELSE n END * interval '1 microsecond',
           9007199254740993 + n % 5,
           (ARRAY['Tee', 'tee', 'Tée', 'tee ', 'Straße', 'STRASSE', E'te\\u0301e', 'ＴＥＥ', 'İstanbul', '🎉'])[1 + n % 10],
           CASE WHEN n % 2 = 0 THEN NULL ELSE (n % 7) / 3.0 END,
           CASE WHEN n % 3 = 0 THEN NULL ELSE 'SKU-' || n % 11 END, 0.1 * (n % 4) + 0.2
    FROM generate_series(1, 240) AS n`;

describe('a list in pages', function () {
  this.timeout(60_000);
  let database: TestDatabase;
  let pool: Pool;
  before(async () => {
    database = await freshDatabase();
    pool = createPool({ url: database.url, name: 'pages', max: 4, int8: 'number' });
  });
  after(async () => {
    await pool.end();
    await database.drop();
  });
  beforeEach(async () => {
    await pool.query('DROP TABLE IF EXISTS things');
    await pool.query(THINGS);
  });

  const db = {
    rows: async <R extends object>(sql: string, values: readonly unknown[] = []) =>
      (await pool.query<R>(sql, [...values])).rows,
  };
  const cursors = createCursors(Buffer.alloc(32))({
    query: { name: 'ListThings', access: 'anyone' },
    input: { params: {}, query: {} },
    actor: { id: 'ada', role: 'buyer' },
  });
  const listOf = (order: Order): ListSql => ({ columns: 'id', from: 'things', where: conditions(), order });
  const page = (order: Order, query: { page?: number; per_page?: number; cursor?: string }) =>
    readPage<Thing>({ db, cursors }, listOf(order), { page: 1, per_page: 20, ...query });

  /** The ids of the rows from a page on; `between` runs after each page. */
  async function walk(order: Order, perPage: number, between?: (shown: readonly Thing[]) => Promise<void>) {
    const ids: string[] = [];
    let calls = 0;
    for (let cursor: string | undefined, more = true; more; calls += 1) {
      const { rows, pagination } = await page(order, {
        per_page: perPage,
        ...(cursor === undefined ? {} : { cursor }),
      });
      ids.push(...rows.map(({ id }) => id));
      await between?.(rows);
      cursor = pagination.next;
      more = cursor !== undefined;
    }
    return { ids, calls };
  }
  const inOrder = async ({ keys: [key], descending }: Order): Promise<string[]> => {
    const direction = descending ? 'DESC' : 'ASC';
    const rows = await db.rows<Thing>(
      `SELECT id FROM things ORDER BY ${key.sql} ${direction} NULLS LAST, id ${direction}`,
    );
    return rows.map(({ id }) => id);
  };

  for (const name of Object.keys(KEYS)) {
    it(`B16: shows every row once by ${name}, both ways, by pages of any length`, async () => {
      for (const order of [orderBy(name, true), orderBy(name, false)]) {
        const expected = await inOrder(order);
        for (const perPage of [7, 80, 100]) {
          const { ids, calls } = await walk(order, perPage);
          expect(ids).to.deep.equal(expected);
          expect(calls).to.equal(Math.ceil(240 / perPage));
        }
      }
    });
  }

  it('B16: shows one row per page, and no page after the last', async () => {
    const order = orderBy('rating', true);
    const { ids, calls } = await walk(order, 1);
    expect(ids).to.deep.equal(await inOrder(order));
    expect(calls).to.equal(240);
  });

  it('B16: shows every row that nobody touches once, while rows are removed, added and moved', async () => {
    for (const name of Object.keys(KEYS)) {
      for (const descending of [true, false]) {
        const order = orderBy(name, descending);
        const expected = await inOrder(order);
        const touched = new Set<string>();
        let added = 0;
        const { ids } = await walk(order, 9, async (rows) => {
          const last = rows.at(-1)?.id;
          if (last === undefined) return;
          touched.add(last);
          await db.rows('DELETE FROM things WHERE id = $1', [last]);
          const unseen = expected.slice(expected.indexOf(last) + 1).find((id) => !touched.has(id));
          if (unseen !== undefined) {
            touched.add(unseen);
            const far = descending ? 1 : -1;
            await db.rows(
              `UPDATE things SET price = price + 100 * ${far}, rating = ${far} * 100, exact = ${far} * 100,
                      name = ${descending ? "'zzz'" : "'!'"}, sku = ${descending ? "'zzz'" : "'!'"},
                      created_at = created_at + ${far} * interval '1 day' WHERE id = $1`,
              [unseen],
            );
          }
          added += 1;
          await db.rows(
            `INSERT INTO things SELECT md5($1)::uuid, created_at, price, name, rating, sku, exact FROM things LIMIT 1`,
            [`added ${name} ${descending} ${added}`],
          );
        });
        expect(new Set(ids).size, `${name} ${descending}`).to.equal(ids.length);
        const known = new Set(expected);
        const untouched = (list: readonly string[]) => list.filter((id) => known.has(id) && !touched.has(id));
        expect(untouched(ids), `${name} ${descending}`).to.deep.equal(untouched(expected));
        await pool.query('DROP TABLE things');
        await pool.query(THINGS);
      }
    }
  });

  it('has the same rows by number, with a cursor on each page but the last', async () => {
    for (const name of ['rating', 'created_at']) {
      const order = orderBy(name, true);
      const expected = await inOrder(order);
      for (const number of [1, 2, 8, 9, 12, 13, 35]) {
        const { rows, pagination } = await page(order, { page: number, per_page: 19 });
        expect(
          rows.map(({ id }) => id),
          `page ${number}`,
        ).to.deep.equal(expected.slice(19 * (number - 1), 19 * number));
        expect('next' in pagination).to.equal(number < 13);
        expect(pagination).to.include({ current_page: number, per_page: 19, total_items: 240, total_pages: 13 });
      }
      const third = await page(order, { page: 3, per_page: 19 });
      const fourth = await page(order, { per_page: 19, cursor: third.pagination.next! });
      expect(fourth.rows.map(({ id }) => id)).to.deep.equal(expected.slice(57, 76));
      expect(fourth.pagination.current_page).to.equal(4);
    }
  });

  it('reaches 10,000 rows deep by number, counts 10,000 of them, and names the cursor beyond', async () => {
    const rows = (n: number) =>
      db.rows(
        `INSERT INTO things SELECT md5('more ' || n)::uuid, now(), 1, 'x', NULL, NULL, 0
               FROM generate_series(1, $1::int) AS n ON CONFLICT DO NOTHING`,
        [n],
      );
    const order = newestFirst();
    await rows(9_760);
    const exact = await page(order, { per_page: 100 });
    expect(exact.pagination).to.deep.include({ total_items: 10_000, total_pages: 100 });
    expect(exact.pagination).to.not.have.property('total_is_minimum');
    await rows(9_761);
    const more = await page(order, { page: 100, per_page: 100 });
    expect(more.rows).to.have.length(100);
    expect(more.pagination).to.deep.include({ total_items: 10_001, total_is_minimum: true });
    expect((await page(order, { per_page: 100 })).pagination.total_items).to.equal(10_000);
    const last = await page(order, { per_page: 100, cursor: more.pagination.next! });
    expect(last.rows).to.have.length(1);
    expect(last.pagination).to.deep.equal({ current_page: 101, per_page: 100, total_items: 10_001, total_pages: 101 });
    for (const beyond of [
      { page: 101, per_page: 100 },
      { page: 10_001, per_page: 1 },
      { page: Number.MAX_SAFE_INTEGER },
    ]) {
      expect(await rejection(page(order, beyond))).to.include({ rule: 'PageTooDeep', code: 'PAGE_TOO_DEEP' });
    }
    expect((await page(order, { page: 1_429, per_page: 7 })).rows).to.have.length(5);
  });

  it('takes no page number together with a cursor, and no cursor of another order', async () => {
    const { next } = (await page(orderBy('name', true), {})).pagination;
    expect(await rejection(page(orderBy('name', true), { page: 2, cursor: next! }))).to.include({ kind: 'invalid' });
    expect(await rejection(page(orderBy('name', false), { cursor: next! }))).to.include({ kind: 'invalid' });
    expect(await rejection(page(orderBy('sku', true), { cursor: next! }))).to.include({ kind: 'invalid' });
  });
});
