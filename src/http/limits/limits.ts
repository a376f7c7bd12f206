import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { performance } from 'node:perf_hooks';
import { setTimeout as pause } from 'node:timers/promises';
import { LRUCache } from 'lru-cache';
import type { LimitClass } from '../../commands/contract.ts';
import type { Exchange } from '../api/exchange.ts';
import { ProblemError } from '../api/problem.ts';
import { networkOf } from './addresses.ts';
import { WINDOW_MS, type RateLimiter, type Verdict } from './rateLimit.ts';

/** An account takes this many times the attempts of one address per minute before attempts at it are slowed down. */
const ACCOUNT_FACTOR = 3;
/** The longest that an attempt at an account under attack waits, ms. It is never refused for the attempts of others. */
const ACCOUNT_DELAY_MAX_MS = 5_000;
/** The most accounts whose next attempt is paced at a time. */
const ACCOUNTS_PACED_MAX = 10_000;

type AnyClass = LimitClass | 'public' | 'auth' | 'address';

export interface Limits {
  /**
   * Counts a request before anything else is done for it. It counts by client network; requests of signed-in callers to
   * routes without a class count by account and, against a higher limit, by network too. Throws above the limit.
   */
  take(exchange: Exchange, limitClass?: LimitClass): void | Promise<void>;
  /**
   * Counts an attempt at the credentials of an account (an e-mail address or an id), whatever network it comes from.
   * Above the limit it only delays, so that nobody can lock out the owner. Attempts by means of one session are refused
   * above the limit: other sessions and a new login go on.
   */
  attempt(exchange: Exchange, limitClass: LimitClass, account: string): Promise<void>;
}

export interface LimitsOptions {
  readonly limiter: RateLimiter;
  /** Requests per minute; 0 means no limit. */
  readonly perMinute: Readonly<Record<AnyClass, number>>;
  readonly addressOf: (req: IncomingMessage) => string;
  /** Called when a caller, one of a class, is refused or delayed. */
  readonly onLimited?: (exchange: Exchange, limited: Limited) => void;
  /** The time limit of a request, ms: a delayed attempt is answered well within it. */
  readonly requestTimeoutMs: number;
}

export interface Limited {
  readonly name: AnyClass;
  /** The key of the count: several refusals of one caller have the same. */
  readonly caller: string;
  readonly outcome: 'refused' | 'delayed';
}

const WINDOW_S = WINDOW_MS / 1_000;

/** Spreads the attempts at an account over time: each gets the next moment that is free, but none waits longer than `maxMs`. */
function createPace(maxMs: number) {
  const next = new LRUCache<string, number>({ max: ACCOUNTS_PACED_MAX });
  return (account: string, intervalMs: number): number => {
    const now = performance.now();
    const at = Math.min(Math.max(now, next.get(account) ?? now) + intervalMs, now + maxMs);
    next.set(account, at);
    return at - now;
  };
}

export function createLimits(options: LimitsOptions): Limits {
  const { limiter, perMinute, addressOf, onLimited, requestTimeoutMs } = options;
  const pace = createPace(Math.min(ACCOUNT_DELAY_MAX_MS, requestTimeoutMs / 2));

  const apply = (exchange: Exchange, name: AnyClass, caller: string, verdict: Verdict): void => {
    const { allowed, remaining, resetS } = verdict;
    // Of several counts, the headers show the one with the fewest requests left.
    if (allowed && remaining >= exchange.rateRemaining) return;
    exchange.rateRemaining = remaining;
    const policy = `"${name}";q=${perMinute[name]};w=${WINDOW_S}`;
    const headers = ['RateLimit-Policy', policy, 'RateLimit', `"${name}";r=${remaining};t=${resetS}`];
    exchange.headers.splice(0, exchange.headers.length, ...headers);
    if (allowed) return;
    onLimited?.(exchange, { name, caller, outcome: 'refused' });
    throw new ProblemError('RATE_LIMITED', 'RateLimited', `Too many requests; try again in ${resetS} s.`, {
      headers: ['Retry-After', String(resetS)],
    });
  };

  const count = (exchange: Exchange, name: AnyClass, caller: string): void | Promise<void> => {
    if (perMinute[name] === 0) return;
    const verdict = limiter.take(`${name}:${caller}`, perMinute[name]);
    if (verdict instanceof Promise) return verdict.then((later) => apply(exchange, name, caller, later));
    apply(exchange, name, caller, verdict);
  };

  /** The address is read only when it is needed. */
  const countNetwork = (exchange: Exchange, name: AnyClass): void | Promise<void> =>
    perMinute[name] === 0 ? undefined : count(exchange, name, networkOf(addressOf(exchange.req)));

  const slowDown = async (exchange: Exchange, name: LimitClass, account: string): Promise<void> => {
    const limit = perMinute[name] * ACCOUNT_FACTOR;
    const { allowed } = await limiter.take(`${name}:account:${account}`, limit);
    if (allowed) return;
    onLimited?.(exchange, { name, caller: `account:${account}`, outcome: 'delayed' });
    await pause(pace(account, WINDOW_MS / limit));
  };

  return {
    take(exchange, limitClass) {
      const { id, role } = exchange.actor;
      if (limitClass !== undefined || role === 'anonymous') return countNetwork(exchange, limitClass ?? 'public');
      const byNetwork = countNetwork(exchange, 'address');
      return byNetwork instanceof Promise
        ? byNetwork.then(() => count(exchange, 'auth', id))
        : count(exchange, 'auth', id);
    },
    async attempt(exchange, limitClass, account) {
      if (perMinute[limitClass] === 0) return;
      const { sessionId } = exchange.actor;
      if (sessionId !== undefined) await count(exchange, limitClass, `session:${sessionId}`);
      const mark = createHash('sha256').update(account.normalize('NFC').trim().toLowerCase()).digest('base64url');
      await slowDown(exchange, limitClass, mark);
    },
  };
}
