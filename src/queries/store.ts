import { missing } from '../errors.ts';
import type { StoreRow } from '../projections/stores.ts';
import { Fields, Id } from '../schema.ts';
import { StoreView, storeView } from '../views/store.ts';
import { defineQuery } from './contract.ts';

const getStore = defineQuery({
  name: 'GetStore',
  summary: 'A store',
  tag: 'stores',
  route: 'GET /stores/:id',
  access: 'anyone',
  params: Fields({ id: Id }),
  result: StoreView,
  reads: ['stores'],
  cache: { ttlMs: 600_000, key: ({ params }) => `store:${params.id}`, tags: ({ params }) => [`store:${params.id}`] },
  async run({ params }, { db }) {
    const [row] = await db.rows<StoreRow & { revision: number }>('SELECT * FROM stores WHERE id = $1', [params.id]);
    if (row === undefined) return missing('StoreUnknown', 'There is no such store.');
    return { data: storeView(row), revision: BigInt(row.revision) };
  },
});

export const storeQueries = [getStore];
