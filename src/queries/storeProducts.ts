import { Type } from 'typebox';
import { PRODUCT_STATUSES } from '../aggregates/product.ts';
import { missing } from '../errors.ts';
import { Fields, Id } from '../schema.ts';
import { defineQuery } from './contract.ts';
import { ProductView } from './product.ts';
import { Filters, list } from './productList.ts';
import { KEPT } from './visible.ts';

const listStoreProducts = defineQuery({
  name: 'ListStoreProducts',
  summary: "A store's products",
  tag: 'stores',
  route: 'GET /stores/:id/products',
  access: 'anyone',
  params: Fields({ id: Id }),
  query: Fields(Filters),
  result: Type.Array(ProductView),
  paginated: true,
  reads: ['products', 'stores', 'vocabulary', 'categories'],
  async run({ params, query }, context) {
    const [store] = await context.db.rows('SELECT 1 FROM stores WHERE id = $1', [params.id]);
    if (store === undefined) return missing('StoreUnknown', 'There is no such store.');
    return list({ ...query, store_id: params.id }, context);
  },
});

const listOwnProducts = defineQuery({
  name: 'ListOwnProducts',
  summary: 'My products, also drafts and inactive ones',
  tag: 'products',
  route: 'GET /seller/products',
  access: ['seller'],
  query: Fields({ ...Filters, status: Type.Optional(Type.Enum(PRODUCT_STATUSES)) }),
  result: Type.Array(ProductView),
  paginated: true,
  reads: ['products', 'stores', 'vocabulary', 'categories'],
  run: ({ query: { status, ...query } }, context) =>
    list(query, context, {
      base: KEPT,
      add(where) {
        where.add('p.seller_id = ?', context.actor.id);
        if (status === 'active') where.add('p.listed = ?', true);
        else if (status !== undefined) where.add('p.hidden = ?', status);
      },
    }),
});

export const storeProductQueries = [listStoreProducts, listOwnProducts];
