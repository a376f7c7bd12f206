import { Type } from 'typebox';
import { isBlank } from '../aggregates/words.ts';
import { newestFirst, pageOf } from '../engine/ask/pages.ts';
import { conditions, listKey, Paging } from '../engine/ask/paging.ts';
import type { StoreRow } from '../projections/stores.ts';
import { Fields } from '../schema.ts';
import { defineQuery } from './contract.ts';
import { pageOfSearch } from './search.ts';
import { searchFor } from './searchTerms.ts';
import { StoreView, storeView } from './store.ts';
import { SearchText } from './searchText.ts';

const TTL_MS = 600_000;
const COLUMNS = Object.entries({
  ...{ id: 's.id', owner_id: 's.owner_id', name: 's.name', description: 's.description', suspended: 's.suspended' },
  ...{ logo: 's.logo', created_at: 's.created_at', updated_at: 's.updated_at' },
})
  .map(([name, sql]) => `${sql} AS ${name}`)
  .join(', ');

/** Stores without a search come newest first. A suspended store is not listed, because nothing of it can be found. */
const listStores = defineQuery({
  name: 'ListStores',
  summary: 'Stores, searched by the words of name and description',
  tag: 'stores',
  route: 'GET /stores',
  access: 'anyone',
  query: Fields({ ...Paging, search: Type.Optional(SearchText('Words of the name or the description, all of them.')) }),
  result: Type.Array(StoreView),
  paginated: true,
  reads: ['stores', 'vocabulary'],
  cache: { ttlMs: TTL_MS, key: ({ query }) => listKey('stores', query), tags: () => ['stores'] },
  async run({ query }, context) {
    const { db, services } = context;
    const where = conditions('NOT s.suspended');
    const sql = { columns: COLUMNS, from: 'stores s', where };
    if (query.search === undefined || isBlank(query.search)) {
      return pageOf<StoreRow>(context, { ...sql, order: newestFirst('s.') }, query, storeView);
    }
    const search = await searchFor(query.search, services.settings.searchLanguage, db);
    if (search !== undefined) {
      const searched = { ...sql, id: 's.id', words: 's.words' };
      return pageOfSearch<StoreRow>(context, { searched, search }, query, storeView);
    }
    where.add('?', false);
    return pageOf<StoreRow>(context, { ...sql, order: newestFirst('s.') }, query, storeView);
  },
});

export const storeListQueries = [listStores];
