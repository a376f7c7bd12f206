import { Type } from 'typebox';
import { SKU_LENGTH_MAX, skuOf } from '../aggregates/sku.ts';
import { missing } from '../errors.ts';
import { Fields, Id } from '../schema.ts';
import { defineQuery, type QueryContext } from './contract.ts';
import { detail, type FoundProduct, PRODUCT_COLUMNS, PRODUCTS, ProductView } from './product.ts';
import { VISIBLE } from './visible.ts';

/** SQL: a SKU as the indexes `products_same_sku` and `products_hidden_sku` have it, which compare SKUs as their claims do. */
export const foldedSku = (text: string): string => `lower(normalize(${text}, NFKC) COLLATE "und-x-icu")`;

const withSku = (there: string): string =>
  `SELECT ${PRODUCT_COLUMNS} FROM ${PRODUCTS}
   WHERE p.store_id = $1 AND ${foldedSku('p.sku')} = ${foldedSku('$2::text')} AND ${there} ORDER BY p.id LIMIT 1`;

async function found({ db }: QueryContext, sql: string, values: readonly string[]) {
  const [row] = await db.rows<FoundProduct>(sql, values);
  return row === undefined ? missing('ProductUnknown', 'There is no such product.') : detail(row);
}

const getProductBySku = defineQuery({
  name: 'GetProductBySku',
  summary: 'The product of a store that has this SKU',
  tag: 'products',
  route: 'GET /products/sku/:sku',
  access: 'anyone',
  params: Fields({ sku: Type.String({ minLength: 1, maxLength: SKU_LENGTH_MAX }) }),
  query: Fields({ store_id: Id }),
  result: ProductView,
  revised: 'always',
  reads: ['products', 'stores'],
  run: ({ params: { sku }, query }, context) => found(context, withSku(VISIBLE), [query.store_id, skuOf(sku)]),
  /** The seller also finds a product that is hidden from others. */
  ownRun: ({ params: { sku }, query }, context) =>
    found(context, withSku('p.hidden IS NOT NULL AND p.seller_id::text = $3'), [
      query.store_id,
      skuOf(sku),
      context.actor.id,
    ]),
});

export const productBySkuQueries = [getProductBySku];
