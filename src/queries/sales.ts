import type { ReadDb } from '../engine/ask/query.ts';

/** How old the figures may be, ms: counting them reads every payment. */
const SALES_KEPT_MS = 60_000;

/** All sales in one currency; `captured` and `refunded` in its minor units. */
export interface Sales {
  readonly currency: string;
  readonly placed: number;
  readonly captured: number;
  readonly refunded: number;
}

/** Every placed order has exactly one payment with attempt 1, so the narrow payments table suffices to count the orders. */
const SALES = `
  SELECT currency, count(*) FILTER (WHERE attempt = 1) AS placed,
    coalesce(sum(amount) FILTER (WHERE status = 'captured'), 0)::int8 AS captured, sum(refunded)::int8 AS refunded
  FROM payments GROUP BY currency`;

/**
 * Sales by currency, from the read models, so that the figures survive restarts and all processes report the same. Counted at
 * most once in `SALES_KEPT_MS`; a failure is not kept.
 */
export function createSales(db: ReadDb, now: () => number = () => performance.now()): () => Promise<readonly Sales[]> {
  let kept: { readonly sales: Promise<readonly Sales[]>; readonly until: number } | undefined;
  return () => {
    if (kept !== undefined && kept.until > now()) return kept.sales;
    const sales = db.rows<Sales>(SALES);
    kept = { sales, until: now() + SALES_KEPT_MS };
    sales.catch(() => (kept = undefined));
    return sales;
  };
}
