/** A charge request. `key` is the payment's id: repeated requests with the same key are one charge. */
export interface Charge {
  readonly key: string;
  /** Minor units. */
  readonly amount: number;
  readonly currency: string;
  /** The payment method. It also decides whether the money is captured at once or only after confirmation. */
  readonly method: string;
}

/** The state of a charge at the provider. */
export type ChargeState =
  | { readonly status: 'authorised'; readonly reference: string }
  | { readonly status: 'captured'; readonly reference: string; readonly amount: number; readonly currency: string }
  | { readonly status: 'declined'; readonly reason: string };

export interface RefundAsked {
  /** The refund's id. */
  readonly key: string;
  /** The provider's reference of the charge. */
  readonly reference: string;
  readonly amount: number;
  readonly currency: string;
}

export interface RefundState {
  readonly reference: string;
  readonly amount: number;
  readonly currency: string;
}

/**
 * The port to a payment provider. Every call may be repeated under its key without a second effect. After a `GatewayTimeout`
 * the outcome is unknown: ask `find` or `findRefund`, and never charge under another key.
 */
export interface PaymentGateway {
  charge(charge: Charge, signal: AbortSignal): Promise<ChargeState>;
  /** Captures the money of an authorised charge. */
  capture(charge: { key: string; reference: string }, signal: AbortSignal): Promise<ChargeState>;
  refund(refund: RefundAsked, signal: AbortSignal): Promise<RefundState>;
  /** The state of the charge with this key; undefined when the provider does not know the key. */
  find(key: string, signal: AbortSignal): Promise<ChargeState | undefined>;
  findRefund(key: string, signal: AbortSignal): Promise<RefundState | undefined>;
}

/** The provider did not answer in time: whether it carried out the request is unknown. */
export class GatewayTimeout extends Error {
  constructor(sentence = 'The payment provider did not answer in time.') {
    super(sentence);
    this.name = 'GatewayTimeout';
  }
}

/** The provider refused the request: repeating it does not help. */
export class GatewayRefused extends Error {
  constructor(sentence: string) {
    super(sentence);
    this.name = 'GatewayRefused';
  }
}
