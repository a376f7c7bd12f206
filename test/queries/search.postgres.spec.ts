import { createHash, randomUUID } from 'node:crypto';
import { expect } from 'chai';
import { keysOfWord } from '../../src/aggregates/misspellings.ts';
import { isSpelled, termsIn } from '../../src/aggregates/words.ts';
import { planShop } from '../../src/cli/seedPlan.ts';
import { createCursors } from '../../src/engine/ask/cursor.ts';
import { conditions } from '../../src/engine/ask/paging.ts';
import type { Pagination } from '../../src/engine/ask/query.ts';
import { createPool, type Pool } from '../../src/platform/postgres/pool.ts';
import { literal, vectorOf } from '../../src/projections/search.ts';
import { anyHit, pageOfSearch } from '../../src/queries/search.ts';
import { searchFor } from '../../src/queries/searchTerms.ts';
import { CASES, TABLE } from './searchTable.ts';
import { freshDatabase, type TestDatabase } from '../support/database.ts';

interface Product {
  readonly name: string;
  readonly description?: string;
  readonly sku?: string | null;
}

/** The same id for the same name, so that ties are the same in each run. */
const idOf = ({ name, sku }: Product): string => {
  const hash = createHash('sha256')
    .update(`${name}/${sku ?? ''}`)
    .digest('hex');
  return `${hash.slice(0, 8)}-${hash.slice(8, 12)}-4${hash.slice(13, 16)}-8${hash.slice(17, 20)}-${hash.slice(20, 32)}`;
};

describe('a search of the catalogue', function () {
  this.timeout(60_000);
  const catalogue: readonly Product[] = [...planShop(7, 'full').products, ...CASES.map((name) => ({ name }))];
  let database: TestDatabase;
  let pool: Pool;
  before(async () => {
    database = await freshDatabase();
    pool = createPool({ url: database.url, name: 'test', max: 4, int8: 'number' });
    await pool.query(`INSERT INTO stores (id, owner_id, name, description, suspended, created_at, updated_at, revision, position)
      VALUES ('${STORE}', '${STORE}', 'Store', '', false, now(), now(), 0, 1)`);
    await list(catalogue);
  });
  after(async () => {
    await pool.end();
    await database.drop();
  });

  const STORE = '00000000-0000-4000-8000-000000000001';

  /** Writes the rows that the projections write. */
  async function list(products: readonly Product[], store = STORE): Promise<void> {
    await pool.query(
      `INSERT INTO products (id, listed, store_id, seller_id, name, description, price, currency, category_id, on_hand, reserved,
         ordered, created_at, updated_at, revision, position, words)
       SELECT id, true, $4, $4, name, '', 1, 'EUR', $4, 0, 0, 0, now(), now(), 0, 1, words::tsvector
       FROM unnest($1::uuid[], $2::text[], $3::text[]) AS u (id, name, words)`,
      [
        products.map((product) => (store === STORE ? idOf(product) : randomUUID())),
        products.map(({ name }) => name),
        products.map(({ name, description = '', sku = null }) => vectorOf(name, description, sku)),
        store,
      ],
    );
    const texts = products.flatMap(({ name, description = '' }) => [...termsIn(name), ...termsIn(description)]);
    const words = [...new Set(texts.filter(isSpelled))];
    await pool.query(
      `INSERT INTO vocabulary SELECT word, keys::tsvector, 0, 1 FROM unnest($1::text[], $2::text[]) AS u (word, keys)
       ON CONFLICT DO NOTHING`,
      [words, words.map((word) => keysOfWord(word).map(literal).join(' '))],
    );
  }

  const db = {
    rows: async <R extends object>(sql: string, values: readonly unknown[] = []): Promise<R[]> =>
      (await pool.query<R>(sql, [...values])).rows,
  };
  const query = { name: 'Search', access: 'anyone' } as const;
  const cursors = createCursors(Buffer.alloc(32, 1))({
    ...{ query, input: { params: {}, query: {} } },
    actor: { id: 'anyone', role: 'anyone' },
  });
  const searchedIn = (store: string) => {
    const where = conditions('p.listed');
    where.add('p.store_id = ?', store);
    return { columns: 'p.id, p.name', from: 'products p', where, id: 'p.id', words: 'p.words' };
  };

  interface Found {
    readonly names: string[];
    readonly ids: string[];
    readonly pagination: Pagination;
  }

  async function find(
    typed: string,
    { store = STORE, language = 'english', ...page }: FindOptions = {},
  ): Promise<Found> {
    const search = await searchFor(typed, language, db);
    if (search === undefined) {
      return { names: [], ids: [], pagination: { current_page: 1, per_page: 20, total_items: 0, total_pages: 0 } };
    }
    const wanted = { page: 1, per_page: 20, ...page };
    const about = { searched: searchedIn(store), search };
    const answer = await pageOfSearch<{ id: string; name: string }>({ db, cursors }, about, wanted, (row) => row);
    const rows = answer.data as { id: string; name: string }[];
    return { names: rows.map(({ name }) => name), ids: rows.map(({ id }) => id), pagination: answer.pagination };
  }
  interface FindOptions {
    readonly store?: string;
    readonly language?: string;
    readonly page?: number;
    readonly per_page?: number;
    readonly cursor?: string | undefined;
  }

  it(`B22, B23: has the expected first hit for each of ${TABLE.length} texts`, async () => {
    const wrong: string[] = [];
    for (const [typed, first] of TABLE) {
      const { names } = await find(typed);
      if ((names[0] ?? null) !== first) wrong.push(`${typed}: ${names.slice(0, 3).join(' | ')} instead of ${first}`);
    }
    expect(wrong).to.deep.equal([]);
  });

  it('B22: lists what is misspelt after what is not, and equals by id', async () => {
    const { names: cats } = await find('cat');
    expect(cats.indexOf('Cat')).to.equal(0);
    expect(cats.indexOf('Car')).to.be.greaterThan(0);
    const { names: shoes } = await find('shoe');
    expect(shoes.indexOf('Horseshoe')).to.be.greaterThan(shoes.indexOf('Shoe'));
    const { ids } = await find('jumper', { per_page: 100 });
    expect(ids).to.have.length.greaterThan(3);
    expect(ids).to.deep.equal([...ids].sort());
  });

  it('B22: finds a product by its SKU, and a word of another language by its stem', async () => {
    const { sku, name } = planShop(7, 'full').products[30]!;
    for (const typed of [sku, sku.toLowerCase(), sku.replace('-', '')]) {
      expect((await find(typed)).names[0], typed).to.equal(name);
    }
    expect((await find('шапкой', { language: 'russian' })).names).to.deep.equal(['Шерстяная шапка']);
  });

  it('B23: takes no sign for an operator or a wildcard, and never lists everything', async () => {
    for (const [typed, only] of [
      ['%', ['50% cotton towel']],
      ['50%', ['50% cotton towel']],
      ['_', ['A_B cable']],
      ['A_B', ['A_B cable']],
      ['🎉', ['Mug 🎉 party']],
      ['c++', ['C++ Primer']],
      ['c#', ['C# in Depth']],
    ] as const)
      expect((await find(typed)).names, typed).to.deep.equal(only);
    for (const typed of ['-shoes', 'red or', 'a:*', 'a & !', 'e', "o'", 'a b c d e f g h', 'de '.repeat(60)]) {
      const { pagination } = await find(typed);
      expect(pagination.total_items, typed).to.be.lessThan(catalogue.length / 2);
    }
  });

  it('B23: counts as many hits as its pages list, each once, by number and by cursor', async () => {
    for (const typed of ['oak', 'cat', 'the', 'harbour', 'brass', 'kitchen']) {
      const { pagination, ids: all } = await find(typed, { per_page: 100 });
      const byNumber: string[] = [];
      const byCursor: string[] = [];
      let cursor: string | undefined;
      for (let page = 1; page <= Math.ceil(pagination.total_items / 7); page += 1) {
        byNumber.push(...(await find(typed, { page, per_page: 7 })).ids);
        const next = await find(typed, { per_page: 7, cursor });
        byCursor.push(...next.ids);
        cursor = next.pagination.next;
      }
      expect(cursor, typed).to.equal(undefined);
      expect(byNumber, typed).to.have.length(pagination.total_items);
      expect(byNumber.slice(0, 100), typed).to.deep.equal(all);
      expect(byCursor, typed).to.deep.equal(byNumber);
      expect(new Set(byNumber).size, typed).to.equal(byNumber.length);
    }
  });

  it('ranks very many hits as it ranks few', async () => {
    const many = '00000000-0000-4000-8000-000000000002';
    const names = Array.from({ length: 1_500 }, (_, at) =>
      at % 3 === 0 ? `Plain tankard ${at}` : at % 3 === 1 ? `Tankard ${at}` : `Tankards ${at}`,
    );
    await list([{ name: 'Tankard' }, ...names.map((name) => ({ name }))], many);
    const listed: { name: string; id: string }[] = [];
    let cursor: string | undefined;
    do {
      const found = await find('tankard', { store: many, per_page: 100, cursor });
      expect(found.pagination.total_items).to.equal(1_501);
      listed.push(...found.names.map((name, at) => ({ name, id: found.ids[at]! })));
      cursor = found.pagination.next;
    } while (cursor !== undefined);
    const ranked = listed.map(({ name, id }) => {
      const rank = name === 'Tankard' ? 0 : name.startsWith('Tankard ') ? 1 : name.startsWith('Plain') ? 2 : 3;
      return `${rank} ${id}`;
    });
    expect(ranked).to.have.length(1_501);
    expect(ranked).to.deep.equal([...ranked].sort());
    const deep = await find('tankard', { store: many, per_page: 100, page: 12 });
    expect(deep.ids).to.deep.equal(listed.slice(1_100, 1_200).map(({ id }) => id));
  });

  it('leaves out what is misspelt in another order, unless there is nothing else', async () => {
    const found = async (typed: string): Promise<string[]> => {
      const tsquery = await anyHit(db, searchedIn(STORE), (await searchFor(typed, 'english', db))!);
      const { rows } = await pool.query<{ name: string }>(
        'SELECT name FROM products WHERE words @@ $1::text::tsquery AND store_id = $2 ORDER BY name',
        [tsquery, STORE],
      );
      return rows.map(({ name }) => name);
    };
    expect(await found('cat')).to.deep.equal(['Cat']);
    expect(await found('kettel')).to.include('Copper kettle');
  });
});
