import { cartDecider } from '../aggregates/cart.ts';
import {
  type OrderCommand,
  orderDecider,
  type OrderEvent,
  type OrderLine,
  type OrderState,
} from '../aggregates/order.ts';
import { stockDecider } from '../aggregates/stock.ts';
import { unpaidDecider } from '../aggregates/unpaid.ts';
import { idOf } from '../eventstore/eventStore.ts';
import { command, type Consequence, type Reaction } from '../engine/react/reaction.ts';

const linesOf = (order: OrderState): readonly OrderLine[] => (order.status === 'placed' ? order.lines : []);

const onStock = (
  type: 'ReleaseStock' | 'ShipStock',
  orderId: string,
  lines: readonly OrderLine[],
): readonly Consequence[] =>
  [...new Set(lines.map(({ productId }) => productId))].map((productId) =>
    command(stockDecider, productId, { type, data: { orderId } }),
  );

/** Frees the place among the buyer's unpaid orders. */
const onPlace = (orderId: string, order: OrderState): readonly Consequence[] =>
  order.status === 'placed'
    ? [command(unpaidDecider, order.buyerId, { type: 'CloseUnpaidOrder', data: { orderId } })]
    : [];

/**
 * Keeps stock, cart and the buyer's unpaid orders in step with the order: ships or releases reserved stock, empties the cart of a placed
 * order, and frees the place of one that was paid or cancelled.
 */
export const fulfilment: Reaction<OrderState, OrderCommand, OrderEvent> = {
  name: 'fulfilment',
  of: orderDecider,
  on: {
    // Checkout empties the cart itself; this covers a checkout that stopped right after placing the order.
    OrderPlaced: ({ stream, data: { buyerId, fromCart } }) =>
      fromCart ? [command(cartDecider, buyerId, { type: 'CheckOutCart', data: { orderId: idOf(stream) } })] : [],
    PaymentCaptured: ({ stream }, order) => onPlace(idOf(stream), order),
    OrderCancelled: ({ stream }, order) => [
      ...onStock('ReleaseStock', idOf(stream), linesOf(order)),
      ...onPlace(idOf(stream), order),
    ],
    FulfilmentCancelled: ({ stream, data: { storeId } }, order) =>
      onStock(
        'ReleaseStock',
        idOf(stream),
        linesOf(order).filter((line) => line.storeId === storeId),
      ),
    FulfilmentAdvanced: ({ stream, data: { storeId, status } }, order) =>
      status === 'shipped'
        ? onStock(
            'ShipStock',
            idOf(stream),
            linesOf(order).filter((line) => line.storeId === storeId),
          )
        : [],
  },
};
