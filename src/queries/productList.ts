import { type Static, Type } from 'typebox';
import { priceLimitInWords, toMinor } from '../aggregates/money.ts';
import { isBlank } from '../aggregates/words.ts';
import { invalid } from '../errors.ts';
import { type Order, pageOf, type SortKey } from '../engine/ask/pages.ts';
import { AS_PEOPLE_SORT, type Conditions, conditions, listKey, Paging } from '../engine/ask/paging.ts';
import type { QueryAnswer } from '../engine/ask/query.ts';
import { Fields, Id, PriceLimit } from '../schema.ts';
import { defineQuery, type QueryContext } from './contract.ts';
import { type FoundProduct, PRODUCT_COLUMNS, PRODUCTS, ProductView, TTL_MS, view } from './product.ts';
import { anyHit, pageOfSearch } from './search.ts';
import { SearchText } from './searchText.ts';
import { searchFor } from './searchTerms.ts';
import { FOR_EVERYBODY, type Scope } from './visible.ts';

export const Filters = {
  ...Paging,
  search: Type.Optional(
    SearchText(
      'Words of the name, the SKU or the description, all of them. The best hits come first: the whole name, words of the name, their beginnings, other forms, words of the description, and at last words that are spelt alike.',
    ),
  ),
  category_id: Type.Optional(Id),
  min_price: Type.Optional(PriceLimit),
  max_price: Type.Optional(PriceLimit),
  in_stock: Type.Optional(Type.Boolean()),
  sort_by: Type.Optional(Type.Enum(['created_at', 'price', 'name', 'rating', 'popularity'])),
  sort_order: Type.Optional(Type.Enum(['asc', 'desc'])),
};
const ListFilters = Fields({ ...Filters, store_id: Type.Optional(Id) });
type ListFilters = Static<typeof ListFilters>;

const CREATED: SortKey = { sql: 'p.created_at', type: 'timestamptz' };
const ID: SortKey = { sql: 'p.id', type: 'uuid' };

/** Prices are compared only within one currency. A log of an earlier version may hold products in several. */
const SORTS: Readonly<Record<NonNullable<ListFilters['sort_by']>, Order['keys']>> = {
  created_at: [CREATED, ID],
  price: [{ sql: 'p.currency', type: 'text' }, { sql: 'p.price', type: 'bigint' }, ID],
  name: [{ sql: `p.name ${AS_PEOPLE_SORT}`, type: 'text' }, ID],
  rating: [{ sql: 'p.rating', type: 'double precision', nullable: true }, ID],
  popularity: [{ sql: 'p.ordered', type: 'bigint' }, ID],
};

function orderOf({ sort_by: by, sort_order: direction }: ListFilters): Order {
  const usual = by === 'price' || by === 'name' ? 'asc' : 'desc';
  return { keys: SORTS[by ?? 'created_at'], descending: (direction ?? usual) === 'desc' };
}

const stocked = (wanted: boolean | undefined): readonly string[] =>
  wanted === undefined ? [] : [`p.on_hand - p.reserved ${wanted ? '>' : '<='} 0`];

function filtersOf(filters: ListFilters, { settings }: QueryContext['services'], { base, add }: Scope): Conditions {
  const minor = (field: 'min_price' | 'max_price', amount: string | number): number =>
    toMinor(amount, settings.currency) ?? invalid(field, `must be ${priceLimitInWords(settings.currency)}`);
  const { store_id, min_price, max_price, in_stock } = filters;
  const where = conditions(base, ...stocked(in_stock));
  if (store_id !== undefined) where.add('p.store_id = ?', store_id);
  if (min_price !== undefined || max_price !== undefined) where.add('p.currency = ?', settings.currency);
  if (min_price !== undefined) where.add('p.price >= ?', minor('min_price', min_price));
  if (max_price !== undefined) where.add('p.price <= ?', minor('max_price', max_price));
  add(where);
  return where;
}

/** The category and all below it. UNION drops what was found before, so the walk ends. */
const BRANCH = `
  WITH RECURSIVE branch (id) AS (
    SELECT $1::uuid UNION SELECT c.id FROM categories c JOIN branch b ON c.parent_id = b.id
  )
  SELECT id FROM branch`;

const branchOf = async (id: string, db: QueryContext['db']): Promise<readonly string[]> =>
  (await db.rows<{ id: string }>(BRANCH, [id])).map((found) => found.id);

/** A category without others below it is read in the order of its index. */
function addBranch(where: Conditions, branch: readonly string[]): void {
  if (branch.length === 1) where.add('p.category_id = ?', branch[0]);
  else where.add('p.category_id = ANY(?::uuid[])', branch);
}

/** A search lists the best hits first, unless another order is asked for. Blanks alone are no search. */
export async function list(
  filters: ListFilters,
  context: QueryContext,
  scope: Scope = FOR_EVERYBODY,
): Promise<QueryAnswer> {
  const { services, db } = context;
  const where = filtersOf(filters, services, scope);
  if (filters.category_id !== undefined) addBranch(where, await branchOf(filters.category_id, db));
  const sql = { columns: PRODUCT_COLUMNS, from: PRODUCTS, where };
  if (filters.search !== undefined && !isBlank(filters.search)) {
    const search = await searchFor(filters.search, services.settings.searchLanguage, db);
    const searched = { ...sql, id: 'p.id', words: 'p.words' };
    if (search !== undefined && filters.sort_by === undefined) {
      return pageOfSearch<FoundProduct>(context, { searched, search }, filters, view);
    }
    if (search === undefined) where.add('?', false);
    else where.add(`${searched.words} @@ ?::text::tsquery`, await anyHit(db, searched, search));
  }
  return pageOf<FoundProduct>(context, { ...sql, order: orderOf(filters) }, filters, view);
}

const listProducts = defineQuery({
  name: 'ListProducts',
  summary: 'Products, searched, filtered and sorted',
  tag: 'products',
  route: 'GET /products',
  access: 'anyone',
  query: ListFilters,
  result: Type.Array(ProductView),
  paginated: true,
  reads: ['products', 'stores', 'vocabulary', 'categories'],
  cache: {
    ttlMs: TTL_MS,
    // Processes of the versions before use other names, because they find other products.
    key: ({ query }) => listKey('products by branch', query),
    tags: () => ['products', 'stores', 'categories'],
  },
  run: ({ query }, context) => list(query, context),
});

export const productListQueries = [listProducts];
