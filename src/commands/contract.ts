import type { OrderStatus } from '../aggregates/fulfilment.ts';
import type { Background } from '../platform/background.ts';
import type { Pictures } from '../pictures/pictures.ts';
import type { Role } from '../aggregates/user.ts';
import { commandsOf, type CommandContract as ContractOf, type Domain } from '../engine/decide/command.ts';
import type { CommandContext as ContextOf } from '../engine/decide/context.ts';
import { answeringCommandsOf } from '../engine/decide/answer.ts';
import type { ProductRow } from '../projections/products.ts';
import type { ExportPass, ExportPasses, Services as QueryServices } from '../queries/contract.ts';
import type { Operations } from '../queries/operations.ts';

export interface Passwords {
  hash(password: string): Promise<string>;
  /** Takes the same time whether or not there is a hash to compare with, and also for a hash of a lower cost. */
  verify(password: string, hash: string | undefined): Promise<boolean>;
  /** Whether the hash was made with another cost than the settings ask for. */
  isOutdated(hash: string): boolean;
  /** Throws an `invalid` refusal when a new password may not be used. `context`: what its owner is known by. */
  check(password: string, field: string, context?: readonly (string | undefined)[]): void;
}

export interface AccessClaims {
  readonly userId: string;
  readonly role: 'buyer' | 'seller' | 'admin';
  readonly sessionId: string;
  /** Of the user's stream, as the token's maker found it: an event above it can revoke the token. */
  readonly revision: bigint;
}

/** A login whose password was right and that waits for the code of the second factor. */
interface WaitingLogin {
  readonly userId: string;
  /** The user's `signInEpoch` when the password was verified. */
  readonly epoch: number;
}

export interface OneTimeTokens extends ExportPasses {
  /** A signed, short-lived pass to an export, and its lifetime in seconds. */
  pass(right: ExportPass): { token: string; expiresIn: number };
  /** The hash of the token of a mailed link, which the log stores. */
  linkHash(userId: string, linkId: string): string;
  /** The token that has this hash; undefined when the secret that it followed from is no longer listed. */
  linkToken(userId: string, linkId: string, hash: string): string | undefined;
  /** The user that a link's token names, and its hash; undefined when it has not the form of one. */
  parseLink(token: string): { userId: string; hash: string } | undefined;
  /** A signed, short-lived name of a waiting login, and its lifetime in seconds. */
  challenge(login: WaitingLogin): { token: string; expiresIn: number };
  /** Undefined when the token is invalid or expired. */
  parseChallenge(token: string): WaitingLogin | undefined;
}

export interface Tokens extends OneTimeTokens {
  /** A signed access token, and its lifetime in seconds. */
  issue(claims: AccessClaims): { token: string; expiresIn: number };
  /**
   * A new refresh token of 256 random bits for a session, and its hash, which the log stores. Each call makes another one.
   */
  refresh(sessionId: string): { token: string; hash: string };
  /**
   * Whether a refresh token was derived from a listed signing secret and the id of one of these commands, as earlier versions made
   * refresh tokens.
   */
  isDerived(token: string, sessionId: string, commandIds: readonly string[]): boolean;
  /** The session that a refresh token names, and the token's hash; undefined when it is not a refresh token. */
  parseRefresh(token: string): { sessionId: string; hash: string } | undefined;
  /** The longest lifetime of a session, ms. */
  readonly sessionTtlMs: number;
}

/** Answers from the read models. They may be some milliseconds old, so an invariant must not rely on them alone. */
export interface Hints {
  productsInCategory(categoryId: string): Promise<number>;
  /** Waits (bounded) until the read model has seen the whole log before it says that there is none. */
  orderOfPayment(paymentId: string): Promise<string | undefined>;
  /**
   * Products of the store that may have this SKU, whatever its case. Among them are all that were in the log when this process
   * asked first; it waits for no read model.
   */
  productsWithSku(storeId: string, sku: string): Promise<readonly string[]>;
  /** Some admins other than these; none when there is no other. */
  adminsBeside(userIds: readonly string[]): Promise<readonly string[]>;
  /** The sums of a product's reviews, as far as the read model knows; undefined before it knows the product. */
  ratingsOf(productId: string): Promise<Pick<ProductRow, 'rating' | 'ratings'> | undefined>;
  /** Orders of the buyer with this product, of which the part with it was shipped; a bounded number of them. */
  ordersShipped(buyerId: string, productId: string): Promise<readonly string[]>;
  /** The orders of a buyer that are neither completed nor cancelled, and the checkouts that have not placed theirs: some of them. */
  openTradeOf(buyerId: string): Promise<OpenTrade>;
  /** Ids of orders with a part of the store that is neither completed nor cancelled: some of them. */
  openOrdersOfStore(storeId: string): Promise<readonly string[]>;
  /** The work that a store has left. */
  workOfStore(storeId: string): Promise<StoreWork>;
}

interface StoreWork {
  /** Products that can be bought. */
  readonly listed: number;
  /** Orders with a part of the store that is neither shipped nor cancelled. */
  readonly unshipped: number;
}

/** The right to be the one rebuild that runs. It has to be used or given back. */
export interface RebuildTurn {
  /** Begins the rebuild and resolves once everybody can see it. It goes on in this process. */
  start(): Promise<void>;
  giveBack(): Promise<void>;
}

export interface ShopOperations extends Operations {
  /** Refuses an unknown read model (`notFound`), and while a rebuild runs, wherever it does (`rejected`). */
  takeRebuildTurn(projection: string, actor: string): Promise<RebuildTurn>;
  /** Refuses one that waits behind another, or is closed (`rejected`). */
  deadLetterMustBeDead(id: string, act: 'retry' | 'skip'): Promise<void>;
  /** Asks the handler or read model, which does it within a second. One that is no longer dead stays as it is. */
  askDeadLetter(id: string, act: 'retry' | 'skip', actor: string): Promise<void>;
}

export interface OpenTrade {
  readonly orders: readonly { readonly id: string; readonly status: OrderStatus }[];
  readonly checkouts: readonly {
    readonly orderId: string;
    readonly productIds: readonly string[];
    readonly cartHeld: boolean;
  }[];
}

/** The steps of an erasure outside the log. Each call can be repeated. */
export interface Erasures {
  /** Destroys the person's key for good, then purges what is kept about them. */
  forget(userId: string): Promise<void>;
  /** How long some process may still hold the key in memory, ms. */
  heldFor(userId: string): Promise<number>;
}
/** Makes pictures of uploads and keeps them; see `pictures/pictures.ts`. */
type PictureKeeping = Pick<Pictures, 'keep' | 'discard' | 'release'>;

/** The services that this shop's commands may use; created once by the composition root. */
export interface Services extends QueryServices {
  readonly passwords: Passwords;
  readonly tokens: Tokens;
  /** Runs work after the answer. */
  readonly background: Pick<Background, 'run'>;
  readonly hints: Hints;
  readonly pictures: PictureKeeping;
  readonly operations: ShopOperations;
  readonly erasures: Erasures;
}

/** A separate rate limit that a route may count against. */
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
/** Declares a command of this shop that answers with the read-model row that it changed. */
export const defineChange = answeringCommandsOf<Shop>();
