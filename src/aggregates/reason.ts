import type { Sealed, SealedOrOwn } from './sealed.ts';

/** The events of an order that hold a reason. */
type Giving = 'OrderCancelled' | 'FulfilmentCancelled' | 'RefundRequested';

/**
 * Why something happens to an order. The shop's own reason is one text. A reason that a person typed is sealed once for each event
 * that may hold it, because the rules decide which of them does.
 */
export type Reason = string | Readonly<Record<Giving, Sealed>>;

export const reasonFor = (type: Giving, reason: Reason): SealedOrOwn =>
  typeof reason === 'string' ? reason : reason[type];

/** Why a refund closes what was not shipped. A sealed reason says so already, in the texts for the closing events. */
export const closesBecause = (reason: Reason): Reason => (typeof reason === 'string' ? refundedInFull(reason) : reason);

export const refundedInFull = (reason: string): string => `refunded in full: ${reason}`;
