import type { Fulfilment } from '../aggregates/fulfilment.ts';
import type { FulfilmentAdvanced, FulfilmentCancelled, OrderEvent } from '../aggregates/order.ts';
import { idOf } from '../eventstore/eventStore.ts';
import type { Change, Projection } from '../engine/project/projection.ts';

/** The part of an order that one store fulfils, so that a seller's orders are found in their order, however many there are. */
export interface OrderPartRow {
  readonly key: string;
  readonly order_id: string;
  readonly store_id: string;
  /** The state of this part alone. Whether the order is paid or cancelled stands in the order's row. */
  readonly fulfilment: Fulfilment;
  readonly created_at: string;
}

const keyOf = (orderId: string, storeId: string): string => `${orderId}:${storeId}`;

const change = <E extends FulfilmentAdvanced | FulfilmentCancelled>(
  fulfilment: (data: E['data']) => Fulfilment,
): Change<OrderPartRow, E> => ({
  key: ({ stream, data }) => keyOf(idOf(stream), data.storeId),
  row: (row, { data }) => row && { ...row, fulfilment: fulfilment(data) },
});

export const orderParts: Projection<OrderPartRow, OrderEvent> = {
  name: 'order_parts',
  table: 'order_parts',
  key: 'key',
  of: 'order',
  columns: { key: 'text', order_id: 'uuid', store_id: 'uuid', fulfilment: 'text', created_at: 'timestamptz' },
  on: {
    OrderPlaced: {
      key: ({ stream, data }) => [...new Set(data.lines.map(({ storeId }) => keyOf(idOf(stream), storeId)))],
      row: (_row, { metadata }, key) => {
        const [orderId = '', storeId = ''] = key.split(':');
        return { key, order_id: orderId, store_id: storeId, fulfilment: 'pending', created_at: metadata.occurredAt };
      },
    },
    FulfilmentAdvanced: change<FulfilmentAdvanced>(({ status }) => status),
    FulfilmentCancelled: change<FulfilmentCancelled>(() => 'cancelled'),
  },
};
