import type { PhoneCountry } from '../aggregates/phone.ts';
import type { UnpaidBounds } from '../aggregates/unpaid.ts';
import type { Role } from '../aggregates/user.ts';
import { queriesOf, type QueryContext as ContextOf, type QueryContract as ContractOf } from '../engine/ask/query.ts';
import type { Domain } from '../engine/decide/command.ts';
import type { Services as EngineServices } from '../engine/decide/services.ts';
import type { PersonalData } from '../eventstore/personalData.ts';
import type { Operations } from './operations.ts';
import type { PersonIndex } from './personIndex.ts';

/** The demands of a login beside the password. */
interface SignInSettings {
  readonly verifiedEmail: boolean;
  readonly secondFactor: 'nobody' | 'admin';
  /** The name of the shop in an authenticator app. */
  readonly issuer: string;
}

export interface ShopSettings {
  /** ISO 4217. */
  readonly currency: string;
  readonly paymentMethodDefault: string;
  readonly paymentMethods: readonly string[];
  /** How long a placed order waits for its payment, ms. */
  readonly paymentDeadlineMs: number;
  /** Bounds of one buyer's unpaid orders. */
  readonly unpaidBounds: UnpaidBounds;
  readonly signIn: SignInSettings;
  /** How long a checkout may take before its reservations are given back, ms. */
  readonly checkoutDeadlineMs: number;
  /** The language whose forms of words searches know, or `simple` for none. */
  readonly searchLanguage: string;
  /** The most bytes of an uploaded file. */
  readonly uploadMaxBytes: number;
  /** The country of phone numbers that are typed without a plus; without it, such a number is refused. */
  readonly phoneDefaultCountry: PhoneCountry | undefined;
}

/** The right of a user, shown by their password, to read their export. */
export interface ExportPass {
  readonly userId: string;
  /** The user's `signInEpoch` when the password was verified. */
  readonly epoch: number;
}

export interface ExportPasses {
  /** Undefined when the pass is invalid or expired. */
  parsePass(pass: string): ExportPass | undefined;
}

/** The services that this shop's queries may use. */
export interface Services extends EngineServices {
  readonly personalData: PersonalData;
  readonly settings: ShopSettings;
  readonly operations: Operations;
  readonly personIndex: PersonIndex;
  readonly tokens: ExportPasses;
}

interface Shop extends Domain {
  readonly services: Services;
  readonly role: Role;
}

export type QueryContext = ContextOf<Services>;
export type QueryContract = ContractOf<Shop>;
/** Declares a query of this shop. */
export const defineQuery = queriesOf<Shop>();
