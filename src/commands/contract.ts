import type { Role } from '../aggregates/user.ts';
import {
  commandsOf,
  type CommandContext as ContextOf,
  type CommandContract as ContractOf,
  type Domain,
} from '../engine/decide/command.ts';
import { answeringCommandsOf } from '../engine/decide/answer.ts';
import type { Services as QueryServices } from '../queries/contract.ts';

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

/** What the read models say: may be some milliseconds old, so never the only guard of an invariant. */
export interface Hints {
  productsInCategory(categoryId: string): Promise<number>;
  /** Waits (bounded) until the read model has seen the whole log before it says that there is none. */
  orderOfPayment(paymentId: string): Promise<string | undefined>;
}

/** What commands of this shop may use of the outside; made once by the composition root. */
export interface Services extends QueryServices {
  readonly passwords: Passwords;
  readonly tokens: Tokens;
  readonly hints: Hints;
}

/** A rate limit of its own that a route may count against. */
export type LimitClass = 'login' | 'register' | 'refresh';

interface Shop extends Domain {
  readonly services: Services;
  readonly role: Role;
  readonly limit: LimitClass;
}

export type CommandContext = ContextOf<Services>;
export type CommandContract = ContractOf<Shop>;
/** Declares a command of this shop. */
export const defineCommand = commandsOf<Shop>();
/** Declares a command of this shop that answers with a row it has changed. */
export const defineChange = answeringCommandsOf<Shop>();
