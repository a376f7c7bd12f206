export interface OrderLine {
  readonly productId: string;
  readonly storeId: string;
  readonly sellerId: string;
  readonly name: string;
  /** Minor units, frozen at checkout. */
  readonly price: number;
  readonly quantity: number;
}

export type FulfilmentStatus = 'pending' | 'processing' | 'shipping' | 'shipped' | 'completed';

/** JSON text of an address, sealed under the buyer's key. */
type SealedAddress = string;

// NOTE: these names and shapes are the storage format; version them with care. Amounts are minor units.
export type OrderPlaced = {
  type: 'OrderPlaced';
  data: {
    buyerId: string;
    lines: readonly OrderLine[];
    currency: string;
    total: number;
    shippingAddress: SealedAddress;
    billingAddress: SealedAddress | null;
    notes: string | null;
    fromCart: boolean;
    payBy: string;
  };
};
/** A checkout that stopped half way, fenced: this order can never be placed. */
export type OrderAbandoned = { type: 'OrderAbandoned'; data: object };
export type OrderCancelled = { type: 'OrderCancelled'; data: { reason: string; by: 'buyer' | 'admin' | 'system' } };
export type FulfilmentAdvanced = { type: 'FulfilmentAdvanced'; data: { storeId: string; status: FulfilmentStatus } };

export type PaymentRequested = {
  type: 'PaymentRequested';
  data: { paymentId: string; attempt: number; method: string; amount: number; currency: string };
};
export type PaymentAuthorised = { type: 'PaymentAuthorised'; data: { paymentId: string; reference: string } };
export type PaymentConfirmed = { type: 'PaymentConfirmed'; data: { paymentId: string } };
export type PaymentCaptured = {
  type: 'PaymentCaptured';
  data: { paymentId: string; reference: string; amount: number };
};
export type PaymentDeclined = { type: 'PaymentDeclined'; data: { paymentId: string; reason: string } };
export type RefundRequested = {
  type: 'RefundRequested';
  data: { refundId: string; paymentId: string; amount: number; reason: string; storeId: string | null };
};
export type PaymentRefunded = {
  type: 'PaymentRefunded';
  data: { refundId: string; paymentId: string; amount: number; reference: string };
};

export type PaymentEvent =
  | PaymentRequested
  | PaymentAuthorised
  | PaymentConfirmed
  | PaymentCaptured
  | PaymentDeclined
  | RefundRequested
  | PaymentRefunded;
export type OrderEvent = OrderPlaced | OrderAbandoned | OrderCancelled | FulfilmentAdvanced | PaymentEvent;
