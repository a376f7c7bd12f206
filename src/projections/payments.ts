import type {
  PaymentAuthorised,
  PaymentCaptured,
  PaymentConfirmed,
  PaymentDeclined,
  PaymentEvent,
  PaymentRefunded,
  PaymentStatus,
  RefundRequested,
} from '../aggregates/orderMoney.ts';
import { type DomainEvent, idOf } from '../eventstore/eventStore.ts';
import type { Change, Projection } from '../engine/project/projection.ts';

export interface PaymentRow {
  readonly id: string;
  readonly order_id: string;
  readonly attempt: number;
  readonly method: string;
  readonly status: PaymentStatus;
  /** Minor units: the requested amount; once captured, the captured amount. */
  readonly amount: number;
  readonly refund_requested: number;
  readonly refunded: number;
  readonly currency: string;
  readonly decline_reason: string | null;
  readonly created_at: string;
  readonly updated_at: string;
}

const update = <E extends DomainEvent & { data: { paymentId: string } }>(
  fields: (row: PaymentRow, data: E['data']) => Partial<PaymentRow>,
): Change<PaymentRow, E> => ({
  key: (event) => event.data.paymentId,
  row: (row, { data, metadata }) => row && { ...row, ...fields(row, data), updated_at: metadata.occurredAt },
});

export const payments: Projection<PaymentRow, PaymentEvent> = {
  name: 'payments',
  table: 'payments',
  key: 'id',
  of: 'order',
  columns: {
    id: 'uuid',
    order_id: 'uuid',
    attempt: 'int',
    method: 'text',
    status: 'text',
    amount: 'bigint',
    refund_requested: 'bigint',
    refunded: 'bigint',
    currency: 'text',
    decline_reason: 'text',
    created_at: 'timestamptz',
    updated_at: 'timestamptz',
  },
  on: {
    PaymentRequested: {
      key: (event) => event.data.paymentId,
      row: (_row, { stream, data: { attempt, method, amount, currency }, metadata: { occurredAt } }, id) => ({
        ...{ id, order_id: idOf(stream), attempt, method, amount, currency, status: 'requested' },
        ...{ refund_requested: 0, refunded: 0, decline_reason: null },
        created_at: occurredAt,
        updated_at: occurredAt,
      }),
    },
    PaymentAuthorised: update<PaymentAuthorised>(() => ({ status: 'authorised' })),
    PaymentConfirmed: update<PaymentConfirmed>(() => ({ status: 'confirmed' })),
    PaymentCaptured: update<PaymentCaptured>((_row, { amount }) => ({
      status: 'captured',
      amount,
      decline_reason: null,
    })),
    PaymentDeclined: update<PaymentDeclined>((_row, { reason }) => ({ status: 'declined', decline_reason: reason })),
    RefundRequested: update<RefundRequested>((row, { amount }) => ({
      refund_requested: row.refund_requested + amount,
    })),
    PaymentRefunded: update<PaymentRefunded>((row, { amount }) => ({ refunded: row.refunded + amount })),
  },
};
