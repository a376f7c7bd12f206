import type { IncomingMessage } from 'node:http';
import type { TObject } from 'typebox';
import { type Actor, ANONYMOUS, type Client } from '../../engine/decide/context.ts';
import type { CommandContract, Services } from '../../commands/contract.ts';
import { demandsFactorOf, factorRequired, isWithoutFactor } from '../../commands/startSession.ts';
import { type FieldError, fieldError, Refusal } from '../../errors.ts';
import type { Ask } from '../../engine/ask/ask.ts';
import type { QueryContract } from '../../engine/ask/query.ts';
import type { Authenticate } from '../auth/authenticate.ts';
import type { Answering, Exchange } from './exchange.ts';
import type { Forms } from './expected.ts';
import type { Idempotency } from './idempotency.ts';
import { invalidRequest } from './problem.ts';
import type { Semaphore } from '../../platform/semaphore.ts';
import type { Limits } from '../limits/limits.ts';
import type { Revocations } from '../auth/revocation.ts';
import type { SecurityLog } from '../auth/securityLog.ts';
import { paramsOf } from './router.ts';
import { textCheck } from './validate.ts';

/** Everything an endpoint needs to turn a request into an answer. */
export interface EndpointDeps {
  readonly answering: Answering;
  readonly authenticate: Authenticate;
  readonly limits: Limits;
  readonly security: SecurityLog;
  readonly ask: Ask;
  readonly services: Services;
  readonly idempotency: Idempotency;
  readonly revocations: Pick<Revocations, 'passed'>;
  readonly clientOf: (req: IncomingMessage) => Client;
  readonly bodyLimitBytes: number;
  readonly uploads: Semaphore;
  /** The forms of inputs that depend on settings, in words. */
  readonly forms: Forms | undefined;
  readonly now: () => Date;
  /** Checks every answer against its contract; for tests. */
  readonly checkResults: boolean;
}

/** Answers one request, at once or later; a throw or a rejection is answered as a problem. */
export type Endpoint = (exchange: Exchange, params: readonly string[]) => void | Promise<void>;

type Contract = CommandContract | QueryContract;

/** Allows exactly the roles that the contract lists; another role gets 403, a request without token 401. */
function authorise({ access }: Contract, actor: Actor): void {
  if (access === 'anyone') return;
  if (actor.role === 'anonymous') {
    throw new Refusal('unauthenticated', 'TokenMissing', 'Sign in first: send Authorization: Bearer <access token>.');
  }
  if (access !== 'user' && !access.some((role) => role === actor.role)) {
    throw new Refusal('forbidden', 'RoleNotAllowed', `This route is only for: ${access.join(', ')}.`);
  }
}

/**
 * Authenticates the caller, then checks the rate limit, then access, then the demand of a second factor. When several refuse, the rate
 * limit's refusal is thrown.
 */
export function admit(deps: EndpointDeps, contract: Contract, exchange: Exchange): void | Promise<void> {
  const { authenticate, limits, security } = deps;
  const limitClass = 'limit' in contract ? contract.limit : undefined;
  let denied: unknown;
  try {
    exchange.actor = authenticate(exchange.req);
    authorise(contract, exchange.actor);
  } catch (error) {
    denied = error;
    security.denied(exchange, error);
  }
  // Refused requests count too, so that the rate limit also slows the guessing of tokens.
  const counted = limits.take(exchange, limitClass);
  if (counted instanceof Promise) {
    return counted.then(() => {
      if (denied !== undefined) throw denied as Error;
      return demandFactor(deps, contract, exchange);
    });
  }
  if (denied !== undefined) throw denied as Error;
  return demandFactor(deps, contract, exchange);
}

/**
 * Where the settings demand a second factor of the caller, one without it may only set it up. Routes for anyone answer such a caller as
 * they answer nobody.
 */
function demandFactor(deps: EndpointDeps, contract: Contract, exchange: Exchange): void | Promise<void> {
  const { services, security, answering } = deps;
  if (contract.enrolment === true || !demandsFactorOf(services, exchange.actor.role)) return;
  answering.startClock(exchange);
  return isWithoutFactor(services, exchange.actor.id).then((without) => {
    if (!without) return;
    if (contract.access === 'anyone') {
      exchange.actor = ANONYMOUS;
      return;
    }
    const refusal = factorRequired();
    security.denied(exchange, refusal);
    throw refusal;
  });
}

/** Reads the parameters of a path: decoded and converted, every invalid one reported. */
export function paramsReader(path: string, schema: TObject | undefined, forms: Forms | undefined) {
  const names = paramsOf(path);
  const check = textCheck(schema, forms);
  return (values: readonly string[], errors: FieldError[]): Record<string, unknown> => {
    const params: Record<string, unknown> = {};
    values.forEach((value, index) => {
      const name = names[index] ?? '';
      params[name] = decoded(value, name, errors);
    });
    const wrong = check(params);
    if (wrong.length > 0) errors.push(...wrong.filter(({ field }) => errors.every((told) => told.field !== field)));
    return params;
  };
}

function decoded(value: string, name: string, errors: FieldError[]): string {
  if (!value.includes('%')) return value;
  try {
    const text = decodeURIComponent(value);
    if (!text.includes('\0')) return text;
  } catch {
    // Reported below, with the NUL.
  }
  errors.push(fieldError(name, 'is not valid percent-encoded text'));
  return '';
}

export const refuseIfAny = (errors: readonly FieldError[]): void => {
  if (errors.length > 0) throw invalidRequest(errors);
};

/** For tests: throws when an answer does not match its contract. */
export function assertResult(name: string, errors: readonly FieldError[]): void {
  if (errors.length === 0) return;
  const wrong = errors.map(({ message }) => message).join('; ');
  throw new Error(`The answer of ${name} does not match its schema: ${wrong}`);
}
