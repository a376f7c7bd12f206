import type { ReadDb } from '../engine/ask/query.ts';

/** How old the figures may be: counting goes through every payment there is. */
export const SALES_KEPT_MS = 60_000;

/** What was ever sold in one currency; money in its minor units. */
export interface Sales {
  readonly currency: string;
  readonly placed: number;
  readonly captured: number;
  readonly refunded: number;
}

/** Every order is placed with its first attempt to pay, so the narrow table of payments knows how many there are. */
const SALES = `
  SELECT currency, count(*) FILTER (WHERE attempt = 1) AS placed,
    coalesce(sum(amount) FILTER (WHERE status = 'captured'), 0)::int8 AS captured, sum(refunded)::int8 AS refunded
  FROM payments GROUP BY currency`;

/**
 * Sales by currency, from the read models: they outlive every process and are the same for all of them. Counted at most once
 * in `SALES_KEPT_MS`; a failure is not kept.
 */
export function createSales(db: ReadDb, now: () => number = Date.now): () => Promise<readonly Sales[]> {
  let kept: { readonly sales: Promise<readonly Sales[]>; readonly until: number } | undefined;
  return () => {
    if (kept !== undefined && kept.until > now()) return kept.sales;
    const sales = db.rows<Sales>(SALES);
    kept = { sales, until: now() + SALES_KEPT_MS };
    sales.catch(() => (kept = undefined));
    return sales;
  };
}
