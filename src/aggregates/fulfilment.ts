/** The fulfilment steps of a seller's part of an order, in sequence; no step can be skipped. */
export const FULFILMENT_STEPS = ['processing', 'shipping', 'shipped', 'completed'] as const;
export const FULFILMENT_STATUSES = ['pending', ...FULFILMENT_STEPS] as const;
export type FulfilmentStatus = (typeof FULFILMENT_STATUSES)[number];
/** The state of a seller's part of an order. A cancelled part takes no further step. */
export type Fulfilment = FulfilmentStatus | 'cancelled';

export const ORDER_STATUSES = ['pending', 'paid', ...FULFILMENT_STEPS, 'cancelled'] as const;
export type OrderStatus = (typeof ORDER_STATUSES)[number];

/** The index of a status in the sequence of fulfilment steps; a higher index is further along, and -1 is cancelled. */
export const stepOf = (status: Fulfilment): number => FULFILMENT_STATUSES.findIndex((step) => step === status);

/** Whether a part of an order can still be closed: it is neither cancelled nor shipped. */
export const isUnshipped = (status: Fulfilment): boolean =>
  status !== 'cancelled' && stepOf(status) < stepOf('shipped');

/** The stores whose parts of an order can still be closed. */
export const unshippedOf = (fulfilments: Readonly<Record<string, Fulfilment>>): string[] =>
  Object.entries(fulfilments).flatMap(([storeId, status]) => (isUnshipped(status) ? [storeId] : []));

/** The fulfilments of an order that was just placed: one for each store. */
export function unfulfilled(lines: readonly { readonly storeId: string }[]): Record<string, Fulfilment> {
  const fulfilments: Record<string, Fulfilment> = {};
  for (const { storeId } of lines) fulfilments[storeId] = 'pending';
  return fulfilments;
}

/** The status of the order as a whole: with several stores, its least advanced fulfilment that is not cancelled. */
export function orderStatus(order: {
  readonly cancelled: boolean;
  readonly paid: boolean;
  readonly fulfilments: readonly Fulfilment[];
}): OrderStatus {
  if (order.cancelled || order.fulfilments.every((status) => status === 'cancelled')) return 'cancelled';
  const least = FULFILMENT_STATUSES.find((status) => order.fulfilments.includes(status)) ?? 'pending';
  if (least !== 'pending') return least;
  return order.paid ? 'paid' : 'pending';
}
