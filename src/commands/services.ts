import type { EventStore } from '../eventstore/eventStore.ts';
import type { Aggregates } from './aggregates.ts';

/** Seals what is personal under a key of its own per person, and opens it again; a forgotten person opens as `[erased]`. */
export interface PersonalData {
  /** Makes the person's key if there is none yet. */
  createKey(subject: string): Promise<void>;
  /** Text to `pd1.<subject>.<…>`; refused (`PersonErased`) when the person's key is gone. */
  seal(subject: string, text: string): Promise<string>;
  open(sealed: string): Promise<string>;
  /** Any JSON value with every sealed string in it opened; keys are fetched in one statement. */
  reveal<T>(value: T): Promise<T>;
  /** Keyed hash of a normalised value (e-mail, phone): equal values, equal hashes, nothing to read back. Hex. */
  blindIndex(kind: string, value: string): string;
}

export interface Passwords {
  hash(password: string): Promise<string>;
  /** Takes the same time whether or not there is a hash to compare with. */
  verify(password: string, hash: string | undefined): Promise<boolean>;
  /** Throws an `invalid` refusal when a new password may not be used. */
  check(password: string, field: string): void;
}

export interface AccessClaims {
  readonly userId: string;
  readonly role: 'buyer' | 'seller' | 'admin';
  readonly sessionId: string;
}

export interface Tokens {
  /** A signed access token, and how many seconds it lives. */
  issue(claims: AccessClaims): { token: string; expiresIn: number };
  /**
   * An opaque 256-bit refresh token for a session, and the hash that the log keeps of it. Derived under a secret from the
   * command's id, so that a repeated command answers the same token.
   */
  refresh(sessionId: string, commandId: string): { token: string; hash: string };
  /** Which session a refresh token names, and its hash; undefined when it is no such token. */
  parseRefresh(token: string): { sessionId: string; hash: string } | undefined;
  /** How long a session lives at most, ms. */
  readonly sessionTtlMs: number;
}

/** What commands may use of the outside; made once by the composition root. */
export interface Services {
  readonly aggregates: Aggregates;
  readonly store: EventStore;
  readonly personalData: PersonalData;
  readonly passwords: Passwords;
  readonly tokens: Tokens;
  readonly hints: Hints;
  readonly settings: ShopSettings;
}

/** What the read models say: may be some milliseconds old, so never the only guard of an invariant. */
export interface Hints {
  productsInCategory(categoryId: string): Promise<number>;
  /** Waits (bounded) until the read model has seen the whole log before it says that there is none. */
  orderOfPayment(paymentId: string): Promise<string | undefined>;
}

export interface ShopSettings {
  /** ISO 4217. */
  readonly currency: string;
  readonly paymentMethodDefault: string;
  readonly paymentMethods: readonly string[];
  /** How long a placed order waits for its payment, ms. */
  readonly paymentDeadlineMs: number;
  /** How long a checkout may take before its reservations are given back, ms. */
  readonly checkoutDeadlineMs: number;
}
