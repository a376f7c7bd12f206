import { missing } from '../errors.ts';
import type { FulfilmentStatus, OrderLine } from './orderEvents.ts';
import type { Money } from './orderMoney.ts';

export interface PlacedOrder {
  readonly status: 'placed';
  readonly buyerId: string;
  readonly lines: readonly OrderLine[];
  /** Per store. */
  readonly fulfilments: Readonly<Record<string, FulfilmentStatus>>;
  readonly cancelled: boolean;
  readonly money: Money;
}
export type OrderState = { readonly status: 'none' } | { readonly status: 'abandoned' } | PlacedOrder;

export const none: OrderState = { status: 'none' };

export const placed = (state: OrderState): PlacedOrder =>
  state.status === 'placed' ? state : missing('OrderUnknown', 'There is no such order.');

export type OrderStatus = 'pending' | 'paid' | 'processing' | 'shipping' | 'shipped' | 'completed' | 'cancelled';

const ADVANCEMENT: readonly FulfilmentStatus[] = ['pending', 'processing', 'shipping', 'shipped', 'completed'];

/** What the order as a whole has come to: with several stores, its least advanced fulfilment. */
export function orderStatus(order: {
  readonly cancelled: boolean;
  readonly paid: boolean;
  readonly fulfilments: readonly FulfilmentStatus[];
}): OrderStatus {
  if (order.cancelled) return 'cancelled';
  const least = ADVANCEMENT.find((status) => order.fulfilments.includes(status)) ?? 'pending';
  if (least !== 'pending') return least;
  return order.paid ? 'paid' : 'pending';
}
