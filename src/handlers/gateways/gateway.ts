/** What is asked of a provider. `key` is ours (the payment's id): the same key is the same charge, however often asked. */
export interface Charge {
  readonly key: string;
  /** Minor units. */
  readonly amount: number;
  readonly currency: string;
  /** Says what is charged, and whether at once or only once confirmed. */
  readonly method: string;
}

/** How a charge stands at the provider. */
export type ChargeState =
  | { readonly status: 'authorised'; readonly reference: string }
  | { readonly status: 'captured'; readonly reference: string; readonly amount: number }
  | { readonly status: 'declined'; readonly reason: string };

export interface RefundAsked {
  /** Ours: the refund's id. */
  readonly key: string;
  /** The provider's, of the charge. */
  readonly reference: string;
  readonly amount: number;
}

export interface RefundState {
  readonly reference: string;
  readonly amount: number;
}

/**
 * The port of whoever moves the money. Every call may be repeated under its key without a second effect. A rejection
 * with `GatewayTimeout` says nothing about what happened: ask `find` or `findRefund`, never charge under another key.
 */
export interface PaymentGateway {
  charge(charge: Charge, signal: AbortSignal): Promise<ChargeState>;
  /** Takes the money of an authorised charge. */
  capture(charge: { key: string; reference: string }, signal: AbortSignal): Promise<ChargeState>;
  refund(refund: RefundAsked, signal: AbortSignal): Promise<RefundState>;
  /** How the charge with this key stands; undefined when the provider has never heard of it. */
  find(key: string, signal: AbortSignal): Promise<ChargeState | undefined>;
  findRefund(key: string, signal: AbortSignal): Promise<RefundState | undefined>;
}

/** The provider did not answer in time: whether it did what was asked is unknown. */
export class GatewayTimeout extends Error {
  constructor(sentence = 'The payment provider did not answer in time.') {
    super(sentence);
    this.name = 'GatewayTimeout';
  }
}

/** The provider understood and will not: asking again does not help. */
export class GatewayRefused extends Error {
  constructor(sentence: string) {
    super(sentence);
    this.name = 'GatewayRefused';
  }
}
