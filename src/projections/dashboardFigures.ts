import type { CartItemAdded } from '../aggregates/cart.ts';
import type { OrderPlaced } from '../aggregates/order.ts';
import type { PaymentCaptured, PaymentRefunded } from '../aggregates/orderMoney.ts';
import type { UserRegistered } from '../aggregates/user.ts';
import { type DomainEvent, idOf, type RecordedEvent } from '../eventstore/eventStore.ts';
import type { Change, Projection } from '../engine/project/projection.ts';

/** Every time zone of today begins its days at a multiple of this after midnight UTC, so that the days of all can be summed. */
const BUCKET_MS = 15 * 60_000;

export type FigureKind = 'captured' | 'refunded' | 'orders' | 'orders from carts' | 'carts' | 'users';

/** How often something happened in a quarter of an hour, and the money of it. */
export interface FigureRow {
  readonly key: string;
  readonly kind: FigureKind;
  /** The beginning of the quarter of an hour. */
  readonly bucket: string;
  /** Of the amount. Null where there is none, or where an earlier version recorded the event without it: then it is that of the order. */
  readonly currency: string | null;
  readonly order_id: string | null;
  readonly count: number;
  /** Minor units. */
  readonly amount: number;
}

/** The beginning of the quarter of an hour of an instant. */
export const bucketOf = (instant: string): string =>
  new Date(Math.floor(Date.parse(instant) / BUCKET_MS) * BUCKET_MS).toISOString();

interface Figure {
  readonly kind: FigureKind;
  readonly currency?: string | undefined;
  readonly orderId?: string;
  readonly amount?: number;
}

/** The change of an event that counts in these figures. */
function counts<E extends DomainEvent>(
  figuresOf: (event: RecordedEvent<E>) => readonly Figure[],
): Change<FigureRow, E> {
  const keyOf = (event: RecordedEvent<E>, { kind, currency, orderId }: Figure): string =>
    [kind, currency ?? orderId ?? '', bucketOf(event.metadata.occurredAt)].join('/');
  return {
    key: (event) => figuresOf(event).map((figure) => keyOf(event, figure)),
    row(row, event, key) {
      const figure = figuresOf(event).find((one) => keyOf(event, one) === key);
      if (figure === undefined) return undefined;
      const { kind, currency = null, orderId, amount = 0 } = figure;
      return {
        ...{ key, kind, bucket: bucketOf(event.metadata.occurredAt), currency, order_id: orderId ?? null },
        count: (row?.count ?? 0) + 1,
        amount: (row?.amount ?? 0) + amount,
      };
    },
  };
}

const moves = <E extends PaymentCaptured | PaymentRefunded>(kind: FigureKind): Change<FigureRow, E> =>
  counts<E>(({ stream, data: { amount, currency } }) => [
    { kind, amount, currency, ...(currency === undefined ? { orderId: idOf(stream) } : {}) },
  ]);

type Counted = CartItemAdded | OrderPlaced | PaymentCaptured | PaymentRefunded | UserRegistered;

/** Money counts when it moves, and never again: a refund of a later day takes nothing from the day of the capture. */
export const dashboardFigures: Projection<FigureRow, Counted> = {
  name: 'dashboard_figures',
  table: 'dashboard_figures',
  key: 'key',
  of: 'order',
  columns: {
    key: 'text',
    kind: 'text',
    bucket: 'timestamptz',
    currency: 'text',
    order_id: 'uuid',
    count: 'bigint',
    amount: 'bigint',
  },
  on: {
    PaymentCaptured: moves<PaymentCaptured>('captured'),
    PaymentRefunded: moves<PaymentRefunded>('refunded'),
    OrderPlaced: counts<OrderPlaced>(({ data: { fromCart } }) => [
      { kind: 'orders' },
      ...(fromCart ? [{ kind: 'orders from carts' as const }] : []),
    ]),
    CartItemAdded: counts<CartItemAdded>(({ data: { first } }) => (first === true ? [{ kind: 'carts' }] : [])),
    UserRegistered: counts<UserRegistered>(() => [{ kind: 'users' }]),
  },
};
