import { keysOfWord } from '../src/aggregates/misspellings.ts';
import { termsIn } from '../src/aggregates/words.ts';
import { createCursors } from '../src/engine/ask/cursor.ts';
import { conditions } from '../src/engine/ask/paging.ts';
import { createPool, type Pool } from '../src/platform/postgres/pool.ts';
import { literal, vectorOf } from '../src/projections/search.ts';
import { type FoundProduct, PRODUCT_COLUMNS, PRODUCTS } from '../src/queries/product.ts';
import { pageOfSearch } from '../src/queries/search.ts';
import { searchFor } from '../src/queries/searchTerms.ts';
import { VISIBLE } from '../src/queries/visible.ts';
import { median, parts, timed } from './measure.ts';
import type { BenchOptions, BenchRow } from './row.ts';

const FEW = 1_000;
const MANY = 100_000;
const PER_PAGE = 20;
const PARTS = 10;
const BATCH_ROWS = 5_000;
/** Each product has one of these names and every name the word of all; so a name has few hits and that word has as many as rows. */
const NAMES = 2_000;
const WORD_OF_ALL = 'lantern';
const STORE = '00000000-0000-4000-8000-000000000001';

/** A name of letters alone, the same for the same number. */
const nameOf = (number: number): string =>
  Array.from(((number % NAMES) * 7_919 + 26 ** 4).toString(26), (digit) =>
    String.fromCharCode(97 + parseInt(digit, 26)),
  )
    .join('')
    .repeat(2);

/** Writes the rows that the projections write for the products from one number up to another. */
async function fill(pool: Pool, from: number, to: number): Promise<void> {
  for (let at = from; at < to; at += BATCH_ROWS) {
    const numbers = Array.from({ length: Math.min(BATCH_ROWS, to - at) }, (_, index) => at + index);
    const names = numbers.map((number) => `${nameOf(number)} ${WORD_OF_ALL} ${number}`);
    await pool.query(
      `INSERT INTO products (id, listed, store_id, seller_id, name, description, price, currency, category_id, on_hand, reserved,
         ordered, created_at, updated_at, revision, position, words)
       SELECT gen_random_uuid(), true, $1, $1, name, '', 1, 'EUR', $1, 1, 0, 0, now(), now(), 0, 1, words::tsvector
       FROM unnest($2::text[], $3::text[]) AS u (name, words)`,
      [STORE, names, names.map((name) => vectorOf(name, ''))],
    );
    const words = [...new Set(names.flatMap(termsIn))].filter((word) => !/\d/.test(word));
    await pool.query(
      `INSERT INTO vocabulary SELECT word, keys::tsvector, 0, 1 FROM unnest($1::text[], $2::text[]) AS u (word, keys)
       ON CONFLICT DO NOTHING`,
      [words, words.map((word) => keysOfWord(word).map(literal).join(' '))],
    );
  }
  await pool.query('VACUUM ANALYZE products, vocabulary, stores');
}

function searcher(pool: Pool) {
  const rows = async <R extends object>(sql: string, values: readonly unknown[] = []): Promise<R[]> =>
    (await pool.query<R>(sql, [...values])).rows;
  const cursors = createCursors(Buffer.alloc(32, 1))({
    ...{ query: { name: 'Search', access: 'anyone' }, input: { params: {}, query: {} } },
    actor: { id: 'anyone', role: 'anyone' },
  });
  return {
    /** The first page of a search, as the shop answers it. */
    async search(this: void, typed: string): Promise<void> {
      const search = await searchFor(typed, 'english', { rows });
      if (search === undefined) throw new Error(`${typed} is no search`);
      const searched = {
        ...{ columns: PRODUCT_COLUMNS, from: PRODUCTS, where: conditions(VISIBLE), id: 'p.id', words: 'p.words' },
      };
      const page = { page: 1, per_page: PER_PAGE };
      const { data } = await pageOfSearch<FoundProduct>(
        { db: { rows }, cursors },
        { searched, search },
        page,
        (row) => row,
      );
      if ((data as unknown[]).length === 0) throw new Error(`${typed} finds nothing`);
    },
    /** The same rows by SQL that a person would write: one word, ranked by Postgres, with the count of all. */
    async bare(this: void, typed: string): Promise<void> {
      const where = `${VISIBLE} AND p.words @@ $1::text::tsquery`;
      const found = await rows(
        `SELECT ${PRODUCT_COLUMNS} FROM ${PRODUCTS} WHERE ${where}
         ORDER BY ts_rank(p.words, $1::text::tsquery) DESC, p.id LIMIT ${PER_PAGE}`,
        [literal(typed)],
      );
      await rows(`SELECT count(*) FROM ${PRODUCTS} WHERE ${where}`, [literal(typed)]);
      if (found.length === 0) throw new Error(`${typed} finds nothing`);
    },
  };
}

const p99 = (times: readonly number[]): number =>
  [...times].sort((one, other) => one - other)[Math.floor(times.length * 0.99)]!;

export async function run({ url, quick }: BenchOptions): Promise<BenchRow[]> {
  const rounds = quick ? 20 : 500;
  const many = quick ? MANY / 10 : MANY;
  const pool = createPool({ url, name: 'bench', max: 4, int8: 'number' });
  const { search, bare } = searcher(pool);
  await pool.query(`INSERT INTO stores (id, owner_id, name, description, suspended, created_at, updated_at, revision, position)
    VALUES ('${STORE}', '${STORE}', 'Store', '', false, now(), now(), 0, 1)`);
  await fill(pool, 0, FEW);
  const ofAll = async (): Promise<number[]> => {
    const times: number[] = [];
    for (let round = 0; round < rounds; round += 1) times.push(await timed(() => search(WORD_OF_ALL)));
    return times;
  };
  await ofAll();
  const few = await ofAll();
  await fill(pool, FEW, many);
  await ofAll();
  const all = await ofAll();
  const times: { ours: number[]; theirs: number[] } = { ours: [], theirs: [] };
  for (let round = 0; round < rounds; round += 1) {
    times.ours.push(await timed(() => search(nameOf(round))));
    times.theirs.push(await timed(() => bare(nameOf(round))));
  }
  await pool.end();
  const [fews, theirs] = [parts(few, PARTS), parts(times.theirs, PARTS)];
  const products = many.toLocaleString('en');
  const [ours, bareMs, allMs, fewMs] = [times.ours, times.theirs, all, few].map(median) as [
    number,
    number,
    number,
    number,
  ];
  return [
    {
      ...{ id: 'search', better: 'less', what: `a search among ${products} products, first page` },
      against: 'the same rows and their count by bare SQL (time)',
      ratio: ours / bareMs,
      ratios: parts(times.ours, PARTS).map((part, index) => median(part) / median(theirs[index]!)),
      figures: [ours],
      atMost: 1.5,
      details: `p50 ${ours.toFixed(2)} ms against ${bareMs.toFixed(2)} ms; p99 ${p99(times.ours).toFixed(2)} ms against ${p99(times.theirs).toFixed(2)} ms`,
    },
    {
      ...{ id: 'search-many', better: 'less', what: `a search that ${products} products match, first page` },
      against: `the same search among ${FEW.toLocaleString('en')} (time)`,
      ratio: allMs / fewMs,
      ratios: parts(all, PARTS).map((part, index) => median(part) / median(fews[index]!)),
      figures: [allMs],
      atMost: 2,
      details: `p50 ${allMs.toFixed(2)} ms against ${fewMs.toFixed(2)} ms; p99 ${p99(all).toFixed(2)} ms`,
    },
  ];
}
