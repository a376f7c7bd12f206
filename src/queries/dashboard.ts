import { type Static, Type } from 'typebox';
import { ORDER_STATUSES, type OrderStatus } from '../aggregates/fulfilment.ts';
import { toMajor } from '../aggregates/money.ts';
import type { FigureKind } from '../projections/dashboardFigures.ts';
import { Currency, Fields, Id, Money, Named, Nullable } from '../schema.ts';
import type { ReadDb } from '../engine/ask/query.ts';
import { defineQuery } from './contract.ts';
import { type Day, daysOf } from './days.ts';
import { LOW_STOCK_BELOW_DEFAULT } from './stock.ts';

const BEST_SELLERS_MAX = 10;
const STOCK_ALERTS_MAX = 20;

const Count = Type.Integer();
const Ratio = Nullable(Type.Number());
const Date_ = Type.String({ maxLength: 10 });

const DashboardView = Named('Dashboard', {
  from: Date_,
  to: Date_,
  time_zone: Type.String(),
  revenue: Type.Array(
    Named('RevenueOfDay', { date: Date_, currency: Currency, captured: Money, refunded: Money, net: Money }),
  ),
  totals: Type.Array(
    Named('RevenueTotal', {
      ...{ currency: Currency, captured: Money, refunded: Money, net: Money },
      orders_captured: Count,
      average_order_value: Nullable(Money),
    }),
  ),
  refunds: Type.Array(Named('RefundTotal', { currency: Currency, count: Count, amount: Money })),
  orders_by_status: Fields(
    Object.fromEntries(ORDER_STATUSES.map((status) => [status, Count])) as Record<OrderStatus, typeof Count>,
  ),
  best_sellers: Type.Array(Named('BestSeller', { product_id: Id, name: Nullable(Type.String()), units: Count })),
  new_users: Count,
  conversion: Named('Conversion', {
    carts: Count,
    orders_from_carts: Count,
    orders: Count,
    orders_captured: Count,
    cart_to_order: Ratio,
    order_to_captured: Ratio,
    cart_to_captured: Ratio,
  }),
  stock_alerts: Named('StockAlerts', {
    total: Count,
    products: Type.Array(Named('StockAlert', { product_id: Id, name: Type.String(), store_id: Id, available: Count })),
  }),
});
type DashboardView = Static<typeof DashboardView>;

/** `date` and `currency` are null where a figure has none. Amounts are minor units. */
interface Figure {
  readonly date: string;
  readonly kind: FigureKind;
  readonly currency: string | null;
  readonly count: number;
  readonly amount: number;
}

const FIGURES = `
  SELECT d.date, f.kind, coalesce(f.currency, o.currency) AS currency, sum(f.count)::int8 AS count, sum(f.amount)::int8 AS amount
  FROM unnest($1::text[], $2::timestamptz[], $3::timestamptz[]) AS d (date, begins, ends)
  JOIN dashboard_figures f ON f.bucket >= d.begins AND f.bucket < d.ends
  LEFT JOIN dashboard_orders o ON o.id = f.order_id
  GROUP BY 1, 2, 3`;
const STATUSES = `
  SELECT status, count(*) AS count FROM dashboard_orders WHERE placed_at >= $1 AND placed_at < $2 GROUP BY status`;
const CAPTURED = `
  SELECT currency, count(*) AS count FROM dashboard_orders WHERE captured_at >= $1 AND captured_at < $2 GROUP BY currency`;
/** Units of orders that were paid in these days, and are neither cancelled nor paid back. */
const BEST_SELLERS = `
  SELECT sold.product_id, p.name, sold.units FROM (
    SELECT u.product_id, sum(u.quantity)::int8 AS units
    FROM dashboard_orders o CROSS JOIN LATERAL jsonb_to_recordset(o.units) AS u (product_id uuid, quantity int)
    WHERE o.captured_at >= $1 AND o.captured_at < $2 AND o.status <> 'cancelled' AND o.refunded < o.captured
    GROUP BY u.product_id ORDER BY units DESC, u.product_id LIMIT ${BEST_SELLERS_MAX}
  ) AS sold LEFT JOIN products p ON p.id = sold.product_id
  ORDER BY sold.units DESC, sold.product_id`;
const STOCK_ALERTS = `
  SELECT id AS product_id, name, store_id, on_hand - reserved AS available, count(*) OVER () AS total FROM products
  WHERE listed AND on_hand - reserved < ${LOW_STOCK_BELOW_DEFAULT} ORDER BY on_hand - reserved, id LIMIT ${STOCK_ALERTS_MAX}`;

const ratio = (part: number, whole: number): number | null => (whole === 0 ? null : part / whole);
const byText = (one: string, other: string): number => (one < other ? -1 : one > other ? 1 : 0);

interface Moved {
  captured: number;
  refunded: number;
  refunds: number;
}

/** Adds up money by a key that keeps currencies apart. */
function movedBy(figures: readonly Figure[], keyOf: (figure: Figure) => string): [string, Moved][] {
  const sums = new Map<string, Moved>();
  for (const figure of figures) {
    if (figure.kind !== 'captured' && figure.kind !== 'refunded') continue;
    const key = keyOf(figure);
    const sum = sums.get(key) ?? { captured: 0, refunded: 0, refunds: 0 };
    sum[figure.kind] += figure.amount;
    if (figure.kind === 'refunded') sum.refunds += figure.count;
    sums.set(key, sum);
  }
  return [...sums].sort(([one], [other]) => byText(one, other));
}

const moneyOf = ({ captured, refunded }: Moved, currency: string) => ({
  captured: toMajor(captured, currency),
  refunded: toMajor(refunded, currency),
  net: toMajor(captured - refunded, currency),
});

const SEPARATOR = ' ';
/** ISO 4217 for no currency: money of an order that its read model has not taken, because an event of it is a dead letter. */
const NO_CURRENCY = 'XXX';
const currencyOf = ({ currency }: Figure): string => currency ?? NO_CURRENCY;

function revenueOf(figures: readonly Figure[]): DashboardView['revenue'] {
  return movedBy(figures, (figure) => figure.date + SEPARATOR + currencyOf(figure)).map(([key, moved]) => {
    const [date = '', currency = ''] = key.split(SEPARATOR);
    return { date, currency, ...moneyOf(moved, currency) };
  });
}

/** The average is null where no order was captured; it is rounded to the smallest unit of its currency. */
function totalsOf(figures: readonly Figure[], captured: ReadonlyMap<string, number>): DashboardView['totals'] {
  return movedBy(figures, currencyOf).map(([currency, moved]) => {
    const orders = captured.get(currency) ?? 0;
    const average = orders === 0 ? null : toMajor(Math.round((moved.captured - moved.refunded) / orders), currency);
    return { currency, ...moneyOf(moved, currency), orders_captured: orders, average_order_value: average };
  });
}

const refundsOf = (figures: readonly Figure[]): DashboardView['refunds'] =>
  movedBy(figures, currencyOf)
    .filter(([, { refunds }]) => refunds > 0)
    .map(([currency, { refunds, refunded }]) => ({ currency, count: refunds, amount: toMajor(refunded, currency) }));

function conversionOf(countOf: (kind: FigureKind) => number, captured: number): DashboardView['conversion'] {
  const [carts, fromCarts, orders] = [countOf('carts'), countOf('orders from carts'), countOf('orders')];
  return {
    ...{ carts, orders_from_carts: fromCarts, orders, orders_captured: captured },
    cart_to_order: ratio(fromCarts, carts),
    order_to_captured: ratio(captured, orders),
    cart_to_captured: ratio(captured, carts),
  };
}

async function rowsOf(db: ReadDb, days: readonly Day[]) {
  const window = [days[0]!.begins, days.at(-1)!.ends];
  const bounds = [days.map(({ date }) => date), days.map(({ begins }) => begins), days.map(({ ends }) => ends)];
  const [figures, statuses, captured, bestSellers, alerts] = await Promise.all([
    db.rows<Figure>(FIGURES, bounds),
    db.rows<{ status: OrderStatus; count: number }>(STATUSES, window),
    db.rows<{ currency: string; count: number }>(CAPTURED, window),
    db.rows<DashboardView['best_sellers'][number]>(BEST_SELLERS, window),
    db.rows<DashboardView['stock_alerts']['products'][number] & { total: number }>(STOCK_ALERTS),
  ]);
  return { figures, statuses, captured, bestSellers, alerts };
}

const getDashboard = defineQuery({
  name: 'GetDashboard',
  summary: 'Revenue by day and currency, orders, best sellers, new users, conversion, refunds and low stock',
  tag: 'administration',
  route: 'GET /admin/dashboard',
  aliases: ['GET /protected/admin/dashboard'],
  access: ['admin'],
  query: Fields({
    from: Type.Optional(
      Type.String({
        maxLength: 40,
        description: 'The first day, such as 2026-03-01, or an instant in it. Default: 29 days before the last.',
      }),
    ),
    to: Type.Optional(
      Type.String({ maxLength: 40, description: 'The last day, or an instant in it. Default: today.' }),
    ),
    time_zone: Type.String({
      ...{ maxLength: 64, pattern: '^[A-Za-z][\\w+/-]*$', default: 'UTC' },
      description: 'the name of a time zone in the IANA database, of at most 64 characters, such as Europe/Berlin',
    }),
  }),
  result: DashboardView,
  reads: ['dashboard_figures', 'dashboard_orders', 'products'],
  async run({ query }, { db, now }) {
    const days = daysOf(query, now);
    const { figures, statuses, captured, bestSellers, alerts } = await rowsOf(db, days);
    const countOf = (kind: FigureKind): number =>
      figures.reduce((sum, figure) => sum + (figure.kind === kind ? figure.count : 0), 0);
    const capturedIn = new Map(captured.map(({ currency, count }) => [currency, count]));
    const counts = new Map(statuses.map(({ status, count }) => [status, count]));
    const data: DashboardView = {
      ...{ from: days[0]!.date, to: days.at(-1)!.date, time_zone: query.time_zone },
      revenue: revenueOf(figures),
      totals: totalsOf(figures, capturedIn),
      refunds: refundsOf(figures),
      orders_by_status: Object.fromEntries(
        ORDER_STATUSES.map((status) => [status, counts.get(status) ?? 0]),
      ) as DashboardView['orders_by_status'],
      best_sellers: bestSellers,
      new_users: countOf('users'),
      conversion: conversionOf(
        countOf,
        captured.reduce((sum, { count }) => sum + count, 0),
      ),
      stock_alerts: {
        total: alerts[0]?.total ?? 0,
        products: alerts.map(({ total: _total, ...product }) => product),
      },
    };
    return { data };
  },
});

export const dashboardQueries = [getDashboard];
