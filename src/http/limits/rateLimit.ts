import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { isIPv6 } from 'node:net';
import { LRUCache } from 'lru-cache';
import type { LimitClass } from '../../commands/contract.ts';
import type { Exchange } from '../api/exchange.ts';
import { ProblemError } from '../api/problem.ts';

export const WINDOW_MS = 60_000;
/** The window is counted in this many slots, and slides by one slot at a time. */
export const SLOTS = 60;
/** The most callers (networks, accounts) that are counted at a time; the longest idle is forgotten first. */
const CALLERS_MAX = 50_000;

export interface Verdict {
  readonly allowed: boolean;
  readonly remaining: number;
  /** Seconds until the oldest counted request leaves the window. */
  readonly resetS: number;
}

/** The port: counts one request under `key` if it is allowed; a refused one is not counted. */
export interface RateLimiter {
  take(key: string, limit: number): Verdict | Promise<Verdict>;
}

/** Counts in this process alone, synchronously. */
export interface LocalLimiter extends RateLimiter {
  take(key: string, limit: number): Verdict;
  /** What `take` would answer, without counting anything. */
  look(key: string, limit: number): Verdict;
  /** Counts a request that was allowed elsewhere. */
  count(key: string): void;
}

/** The counts of one caller, one per slot of the window, as a ring. */
interface Counts {
  readonly slots: Uint32Array;
  /** The number of the newest slot, counted from the Unix epoch. */
  newest: number;
  sum: number;
}

const SLOT_MS = WINDOW_MS / SLOTS;

function advance(counts: Counts, slot: number): void {
  const steps = Math.min(slot - counts.newest, SLOTS + 1);
  for (let step = 1; step <= steps; step += 1) {
    const index = (counts.newest + step) % (SLOTS + 1);
    counts.sum -= counts.slots[index] ?? 0;
    counts.slots[index] = 0;
  }
  if (steps > 0) counts.newest = slot;
}

/** Seconds until the oldest non-empty slot has wholly left the window. */
function secondsToReset(counts: Counts, nowMs: number): number {
  for (let slot = counts.newest - SLOTS; slot <= counts.newest; slot += 1) {
    if ((counts.slots[slot % (SLOTS + 1)] ?? 0) > 0) {
      return Math.max(1, Math.ceil(((slot + SLOTS + 1) * SLOT_MS - nowMs) / 1_000));
    }
  }
  return WINDOW_MS / 1_000;
}

/**
 * A sliding window in this process. Slots that have only partly left the window still count fully, so at most `limit` requests
 * pass in any 60 s, whenever those begin.
 */
export function createMemoryLimiter(now: () => number = Date.now): LocalLimiter {
  const callers = new LRUCache<string, Counts>({ max: CALLERS_MAX });

  const known = (key: string, nowMs: number): Counts | undefined => {
    const counts = callers.get(key);
    if (counts !== undefined) advance(counts, Math.floor(nowMs / SLOT_MS));
    return counts;
  };
  const begun = (key: string, nowMs: number): Counts => {
    const counts = { slots: new Uint32Array(SLOTS + 1), newest: Math.floor(nowMs / SLOT_MS), sum: 0 };
    callers.set(key, counts);
    return counts;
  };
  const add = (counts: Counts): void => {
    counts.slots[counts.newest % (SLOTS + 1)]! += 1;
    counts.sum += 1;
  };
  const verdict = (allowed: boolean, limit: number, counts: Counts, nowMs: number): Verdict => ({
    allowed,
    remaining: Math.max(0, limit - counts.sum),
    resetS: secondsToReset(counts, nowMs),
  });

  return {
    take(key, limit) {
      const nowMs = now();
      const counts = known(key, nowMs) ?? begun(key, nowMs);
      const allowed = counts.sum < limit;
      if (allowed) add(counts);
      return verdict(allowed, limit, counts, nowMs);
    },
    look(key, limit) {
      const nowMs = now();
      const counts = known(key, nowMs);
      if (counts === undefined) return { allowed: limit > 0, remaining: limit, resetS: WINDOW_MS / 1_000 };
      return verdict(counts.sum < limit, limit, counts, nowMs);
    },
    count(key) {
      const nowMs = now();
      add(known(key, nowMs) ?? begun(key, nowMs));
    },
  };
}

/** The part of an address that one customer usually has: an IPv4 address, or the first 64 bits of an IPv6 address. */
export function networkOf(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address);
  if (mapped?.[1] !== undefined) return mapped[1];
  if (!isIPv6(address)) return address;
  const [head = '', tail] = address.split('%')[0]!.split('::');
  const left = head === '' ? [] : head.split(':');
  const right = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = tail === undefined ? 0 : 8 - left.length - right.length;
  const groups = [...left, ...Array.from({ length: zeros }, () => '0'), ...right].slice(0, 4);
  return `${groups.map((group) => Number.parseInt(group, 16).toString(16)).join(':')}::/64`;
}

type AnyClass = LimitClass | 'public' | 'auth';

export interface Limits {
  /** Counts a request by client network, or by account for signed-in callers of routes without a class. Throws above the limit. */
  take(exchange: Exchange, limitClass: LimitClass | undefined): void | Promise<void>;
  /** Counts an attempt at an account (by its e-mail address), whatever network it comes from. Throws above the limit. */
  takeAccount(exchange: Exchange, limitClass: LimitClass, email: string): void | Promise<void>;
}

export interface LimitsOptions {
  readonly limiter: RateLimiter;
  /** Requests per minute; 0 means no limit. */
  readonly perMinute: Readonly<Record<AnyClass, number>>;
  readonly addressOf: (req: IncomingMessage) => string;
}

const WINDOW_S = WINDOW_MS / 1_000;

export function createLimits({ limiter, perMinute, addressOf }: LimitsOptions): Limits {
  const apply = (exchange: Exchange, name: AnyClass, { allowed, remaining, resetS }: Verdict): void => {
    // Of several counts, the headers show the one with the fewest requests left.
    if (allowed && remaining >= exchange.rateRemaining) return;
    exchange.rateRemaining = remaining;
    const policy = `"${name}";q=${perMinute[name]};w=${WINDOW_S}`;
    const headers = ['RateLimit-Policy', policy, 'RateLimit', `"${name}";r=${remaining};t=${resetS}`];
    exchange.headers.splice(0, exchange.headers.length, ...headers);
    if (allowed) return;
    throw new ProblemError('RATE_LIMITED', 'RateLimited', `Too many requests; try again in ${resetS} s.`, {
      headers: ['Retry-After', String(resetS)],
    });
  };

  const count = (exchange: Exchange, name: AnyClass, caller: string): void | Promise<void> => {
    if (perMinute[name] === 0) return;
    const verdict = limiter.take(`${name}:${caller}`, perMinute[name]);
    if (verdict instanceof Promise) return verdict.then((later) => apply(exchange, name, later));
    apply(exchange, name, verdict);
  };

  return {
    take(exchange, limitClass) {
      const { id, role } = exchange.actor;
      if (limitClass === undefined && role !== 'anonymous') return count(exchange, 'auth', id);
      const name = limitClass ?? 'public';
      // The address is read only when it is needed.
      return perMinute[name] === 0 ? undefined : count(exchange, name, networkOf(addressOf(exchange.req)));
    },
    takeAccount(exchange, limitClass, email) {
      const account = createHash('sha256').update(email.trim().toLowerCase()).digest('base64url');
      return count(exchange, limitClass, `account:${account}`);
    },
  };
}
