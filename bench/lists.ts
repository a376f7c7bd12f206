import { freshDatabase } from '../test/support/database.ts';
import { openWriteSide } from '../test/support/shop.ts';
import type { Shop } from '../src/compose/shop.ts';
import { createPool } from '../src/platform/postgres/pool.ts';
import { createCursors } from '../src/engine/ask/cursor.ts';
import type { QueryAnswer, QueryContract } from '../src/engine/ask/query.ts';
import { queries } from '../src/queries/index.ts';
import { fillLists, type ListOwners, newOwners } from './listRows.ts';
import { fromRounds, median, medians, type Round, roundsOf, timed } from './measure.ts';
import type { BenchOptions, BenchRow } from './row.ts';

const ROWS_FEW = 1_000;
const ROWS_MANY = 200_000;
const ROWS_MANY_QUICK = 22_000;
const PER_PAGE = 20;
/** The page that is measured. It is reached by cursors, as a client would. */
const PAGE = 1_000;
const PAGE_QUICK = 100;
const WALK_PER_PAGE = 100;
const ROUNDS = 9;
const CALLS_PER_ROUND = 8;

interface ListBench {
  readonly id: string;
  readonly what: string;
  readonly query: string;
  readonly role: 'anonymous' | 'buyer' | 'seller' | 'admin';
  /** The filters and orders that are measured. The row shows the worst. */
  readonly asked: readonly object[];
  readonly params?: (owners: ListOwners) => object;
  readonly atMost?: number;
}

const product = ({ product: id }: ListOwners): object => ({ id });
const store = ({ store: id }: ListOwners): object => ({ id });

const LISTS: readonly ListBench[] = [
  {
    ...{ id: 'products', what: 'GET /products', query: 'ListProducts', role: 'anonymous', atMost: 1.5 },
    asked: [
      {},
      { sort_by: 'price' },
      { sort_by: 'name' },
      { sort_by: 'popularity' },
      { in_stock: true },
      { min_price: '5' },
    ],
  },
  {
    ...{
      id: 'ofStore',
      what: 'GET /stores/:id/products',
      query: 'ListStoreProducts',
      role: 'anonymous',
      params: store,
      asked: [{}],
    },
  },
  {
    ...{
      id: 'own',
      what: 'GET /seller/products',
      query: 'ListOwnProducts',
      role: 'seller',
      asked: [{}, { status: 'active' }],
    },
  },
  { ...{ id: 'low', what: 'GET /inventory/low-stock', query: 'ListLowStock', role: 'seller', asked: [{ below: 30 }] } },
  { ...{ id: 'orders', what: 'GET /orders', query: 'ListOrders', role: 'buyer', asked: [{}, { status: 'pending' }] } },
  {
    ...{
      id: 'parts',
      what: 'GET /seller/orders',
      query: 'ListSellerOrders',
      role: 'seller',
      asked: [{}, { status: 'completed' }],
    },
  },
  { ...{ id: 'payments', what: 'GET /payments', query: 'ListPayments', role: 'admin', asked: [{}] } },
  { ...{ id: 'messages', what: 'GET /notifications', query: 'ListNotifications', role: 'buyer', asked: [{}] } },
  {
    ...{
      id: 'reviews',
      what: 'GET /products/:id/reviews',
      query: 'ListReviews',
      role: 'anonymous',
      params: product,
      asked: [{}, { rating: 5 }],
    },
  },
  { ...{ id: 'myReviews', what: 'GET /users/me/reviews', query: 'ListMyReviews', role: 'buyer', asked: [{}] } },
  {
    ...{
      id: 'allReviews',
      what: 'GET /admin/reviews',
      query: 'ListAllReviews',
      role: 'admin',
      asked: [{}, { is_hidden: false }],
    },
  },
  {
    ...{
      id: 'users',
      what: 'GET /admin/users',
      query: 'ListUsers',
      role: 'admin',
      asked: [{}, { role: 'buyer' }, { is_active: true }],
    },
  },
];

interface Place {
  readonly shop: Shop;
  readonly owners: ListOwners;
}

type Ask = (page: object) => Promise<QueryAnswer>;

/** Asks a list of the read models of one database. */
function asker({ query: name, role, params }: ListBench, filters: object, { shop, owners }: Place): Ask {
  const query = queries.find((one) => one.name === name);
  if (query === undefined) throw new Error(`there is no query ${name}`);
  const actor = { id: role === 'seller' ? owners.seller : owners.buyer, role };
  const cursorsOf = createCursors(Buffer.alloc(32));
  const now = new Date().toISOString();
  return (page) => {
    const input = {
      params: params?.(owners) ?? {},
      query: { page: 1, per_page: PER_PAGE, ...filters, ...page },
    } as Parameters<QueryContract['run']>[0];
    const { db, store, services } = shop;
    return query.run(input, { actor, now, db, cursors: cursorsOf({ query, input, actor }), store, services });
  };
}

/** The cursor of the last of so many rows. */
async function walk(ask: Ask, rows: number, what: string): Promise<string> {
  let cursor: string | undefined;
  for (let passed = 0; passed < rows; passed += WALK_PER_PAGE) {
    const per_page = Math.min(WALK_PER_PAGE, rows - passed);
    const { pagination } = await ask({ per_page, ...(cursor === undefined ? {} : { cursor }) });
    cursor = pagination?.next;
    if (cursor === undefined) throw new Error(`${what} ends after ${passed} rows`);
  }
  return cursor ?? '';
}

const medianMs = async (work: () => Promise<unknown>): Promise<number> => {
  const times: number[] = [];
  for (let call = 0; call < CALLS_PER_ROUND; call += 1) times.push(await timed(work));
  return median(times);
};

/** The time of each page in each round, in turns: of the long list (ours), and of the short one (theirs). */
async function compare(long: () => Promise<unknown>, short: () => Promise<unknown>, rounds: number): Promise<Round[]> {
  const done: Round[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const early = round % 2 === 0 ? await medianMs(long) : undefined;
    const theirs = await medianMs(short);
    done.push({ ours: early ?? (await medianMs(long)), theirs });
  }
  return done;
}

interface Measured {
  readonly filters: object;
  readonly late: readonly Round[];
  readonly first: readonly Round[];
}

const ratioOf = (rounds: readonly Round[]): number => fromRounds(rounds).ratio;

async function measure(
  list: ListBench,
  [many, few]: readonly [Place, Place],
  { page, rounds }: { page: number; rounds: number },
): Promise<Measured[]> {
  const measured: Measured[] = [];
  for (const filters of list.asked) {
    const [long, short] = [asker(list, filters, many), asker(list, filters, few)];
    const cursor = await walk(long, (page - 1) * PER_PAGE, `${list.what} ${JSON.stringify(filters)}`);
    const late = await compare(
      () => long({ cursor }),
      () => short({}),
      rounds,
    );
    const first = await compare(
      () => long({}),
      () => short({}),
      rounds,
    );
    measured.push({ filters, late, first });
  }
  return measured;
}

function rowOf(
  list: ListBench,
  measured: readonly Measured[],
  { page, count }: { page: string; count: string },
): BenchRow {
  const worst = measured.reduce((one, other) => (ratioOf(other.late) > ratioOf(one.late) ? other : one));
  const { ours, theirs } = medians(worst.late);
  const filters = Object.entries(worst.filters).map(([name, value]) => `${name}=${String(value)}`);
  const forms = list.asked.length === 1 ? '' : `, the slowest of ${list.asked.length} filters and orders`;
  const atFirst = Math.max(...measured.map(({ first }) => ratioOf(first)));
  return {
    id: `list ${list.id}`,
    better: 'less',
    what: `\`${list.what}\` of ${count} rows at page ${page}${forms}`,
    against: 'page 1 of the same list of 1,000 rows (time)',
    ...fromRounds(worst.late),
    atMost: list.atMost ?? 2,
    details: `${filters.length === 0 ? '' : `${filters.join(', ')}: `}${ours.toFixed(2)} ms against ${theirs.toFixed(2)} ms; page 1, which counts up to 10,000 rows: at most ${atFirst.toFixed(1)} times`,
  };
}

export async function run(options: BenchOptions): Promise<BenchRow[]> {
  const few = await freshDatabase();
  const places: Place[] = [];
  const page = options.quick ? PAGE_QUICK : PAGE;
  const count = options.quick ? ROWS_MANY_QUICK : ROWS_MANY;
  try {
    for (const [url, rows] of [[options.url, count] as const, [few.url, ROWS_FEW] as const]) {
      const owners = newOwners();
      const shop = await openWriteSide(url);
      const pool = createPool({ url, name: 'bench', max: 1, int8: 'number', statementTimeoutMs: 0 });
      await fillLists(pool, { count: rows, currency: shop.services.settings.currency }, owners);
      await pool.end();
      places.push({ shop, owners });
    }
    const both = places as [Place, Place];
    const shown = { page: page.toLocaleString('en'), count: count.toLocaleString('en') };
    const rows: BenchRow[] = [];
    for (const list of LISTS)
      rows.push(rowOf(list, await measure(list, both, { page, rounds: roundsOf(options, ROUNDS) }), shown));
    return rows;
  } finally {
    for (const { shop } of places) await shop.close();
    await few.drop();
  }
}
