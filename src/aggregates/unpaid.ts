import { type FieldError, reject } from '../errors.ts';
import type { Command, Decider } from '../engine/decide/decider.ts';
import type { CartLine } from './cart.ts';
import { withEntry, withoutEntry } from './collections.ts';

// NOTE: these names and shapes are the storage format; version them with care. The stream's id is the buyer's.
/** A checkout takes a place among the buyer's unpaid orders. It is free again when the order is not placed by `expiresAt`. */
export type UnpaidOrderOpened = {
  type: 'UnpaidOrderOpened';
  data: { orderId: string; lines: readonly CartLine[]; expiresAt: string };
};
/** The order was paid or cancelled, or its checkout was undone. */
export type UnpaidOrderClosed = { type: 'UnpaidOrderClosed'; data: { orderId: string } };
export type UnpaidEvent = UnpaidOrderOpened | UnpaidOrderClosed;

/** Bounds of a buyer's unpaid orders; 0 means no bound. */
export interface UnpaidBounds {
  readonly ordersMax: number;
  /** Of one product. */
  readonly unitsMax: number;
}

export type OpenUnpaidOrder = Command<'OpenUnpaidOrder', UnpaidOrderOpened['data'] & { bounds: UnpaidBounds }>;
export type CloseUnpaidOrder = Command<'CloseUnpaidOrder', { orderId: string }>;
export type UnpaidCommand = OpenUnpaidOrder | CloseUnpaidOrder;

export interface UnpaidState {
  readonly orders: Readonly<Record<string, Pick<UnpaidOrderOpened['data'], 'lines' | 'expiresAt'>>>;
}

export const unpaidDecider: Decider<UnpaidState, UnpaidCommand, UnpaidEvent> = {
  category: 'unpaid',
  snapshotVersion: 1,
  initial: { orders: {} },
  evolve({ orders }, event, made) {
    if (event.type === 'UnpaidOrderClosed') return { orders: withoutEntry(orders, event.data.orderId, made) };
    const { orderId, lines, expiresAt } = event.data;
    return { orders: withEntry(orders, orderId, { lines, expiresAt }, made) };
  },
  decide(command, state) {
    switch (command.type) {
      case 'OpenUnpaidOrder':
        return open(command, state);
      case 'CloseUnpaidOrder':
        return state.orders[command.data.orderId] === undefined
          ? []
          : [{ type: 'UnpaidOrderClosed', data: { orderId: command.data.orderId } }];
    }
  },
};

const WAY_OUT = 'Pay or cancel one of them first.';

function open({ data: { bounds, ...opened } }: OpenUnpaidOrder, { orders }: UnpaidState): UnpaidEvent[] {
  if (orders[opened.orderId] !== undefined) return [];
  const { ordersMax, unitsMax } = bounds;
  const count = Object.keys(orders).length;
  if (ordersMax > 0 && count >= ordersMax) {
    const sentence = `You have ${count} unpaid orders, and a buyer may have at most ${ordersMax} at once. ${WAY_OUT}`;
    reject('TooManyUnpaidOrders', sentence);
  }
  const errors = unitsMax > 0 ? tooMany(opened.lines, orders, unitsMax) : [];
  if (errors.length > 0) {
    const sentence = `A buyer may have at most ${unitsMax} units of one product in unpaid orders at once.`;
    reject('TooManyUnpaidUnits', sentence, { errors });
  }
  return [{ type: 'UnpaidOrderOpened', data: opened }];
}

function tooMany(lines: readonly CartLine[], orders: UnpaidState['orders'], unitsMax: number): FieldError[] {
  const held = new Map<string, number>();
  for (const { productId, quantity } of Object.values(orders).flatMap((order) => order.lines)) {
    held.set(productId, (held.get(productId) ?? 0) + quantity);
  }
  return lines.flatMap(({ productId, quantity }, index) => {
    const before = held.get(productId) ?? 0;
    if (before + quantity <= unitsMax) return [];
    const room = unitsMax - before;
    const way = before > 0 ? ` ${before} are in your unpaid orders. ${WAY_OUT}` : '';
    const message = `Product ${productId}: ${quantity} wanted, at most ${Math.max(0, room)} can be ordered now.${way}`;
    return [{ code: 'CONFLICT', field: `items.${index}`, message }];
  });
}
