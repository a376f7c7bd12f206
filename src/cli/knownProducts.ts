import { skuKey } from '../aggregates/sku.ts';
import type { Shop } from '../compose/shop.ts';
import { KEPT } from '../queries/visible.ts';
import { clash } from './productRow.ts';

const SKUS_PAGE = 10_000;

interface KnownProduct {
  readonly id: string;
  readonly sku: string;
}
type KnownProducts = ReadonlyMap<string, readonly KnownProduct[]>;

/** A store's products by SKU, as the read model has them. */
export async function productsBySku({ db }: Pick<Shop, 'db'>, storeId: string): Promise<KnownProducts> {
  const known = new Map<string, KnownProduct[]>();
  let after = '';
  for (;;) {
    const rows = await db.rows<KnownProduct>(
      `SELECT id, sku FROM products p WHERE store_id = $1 AND ${KEPT} AND sku IS NOT NULL AND id::text > $2
       ORDER BY id::text LIMIT ${SKUS_PAGE}`,
      [storeId, after],
    );
    for (const row of rows) {
      const key = skuKey(row.sku);
      const others = known.get(key);
      if (others === undefined) known.set(key, [row]);
      else others.push(row);
    }
    if (rows.length < SKUS_PAGE) return known;
    after = rows.at(-1)!.id;
  }
}

/** The product that a row with this SKU means; one with exactly this SKU rather than one with another spelling of it. */
export function productOf(known: KnownProducts, sku: string): string | undefined {
  const found = known.get(skuKey(sku)) ?? [];
  const exactly = found.filter((one) => one.sku === sku);
  const meant = exactly.length > 0 ? exactly : found;
  if (meant.length > 1)
    clash(
      sku,
      meant.map(({ id }) => id),
    );
  return meant[0]?.id;
}
