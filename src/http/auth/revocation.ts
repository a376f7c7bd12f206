import type { Logger } from 'pino';
import { streamOf, type EventStore, type RecordedEvent } from '../../eventstore/eventStore.ts';
import { type Backoff, delayAfter, rest } from '../../platform/backoff.ts';
import { translating, type Queryable } from '../../platform/postgres/pool.ts';
import { followerOf } from '../../engine/project/validate.ts';
import { revocations, type RevocationRow } from '../../projections/revocations.ts';
import type { IsRevoked } from './tokens.ts';

/** How long a command waits until this process has observed the revocations that the command made, ms. */
const PASSED_WAIT_MAX_MS = 2_000;
const FORGET_INTERVAL_MS = 60_000;
/** Delay before a broken follower is reopened: short at first, because ended sessions are still accepted meanwhile. */
const REOPEN: Backoff = { delayMs: 20, delayMaxMs: 500 };
const START_WAIT_MAX_MS = 10_000;
/** Clocks of processes may differ by this much. */
const CLOCK_SLACK_MS = 60_000;

/** Events that revoke the earlier access tokens of the event's session or user. */
const REVOKING: ReadonlySet<string> = new Set(['SessionEnded', 'PasswordChanged', 'UserDeactivated', 'UserErased']);

export interface Revocations {
  readonly isRevoked: IsRevoked;
  /** Takes account of events. The follower calls it; code that knows of events sooner may call it too. */
  observe(events: readonly RecordedEvent[]): void;
  /** Resolves true once every event up to `position` was observed, false when `timeoutMs` is over or the follower stops. */
  passed(position: bigint, timeoutMs?: number): Promise<boolean>;
  /** Loads recent revocations, then follows the log. Resolves once the log's current head was observed, or after 10 s. */
  start(): Promise<void>;
  stop(): Promise<void>;
}

export interface RevocationsOptions {
  readonly store: Pick<EventStore, 'follow' | 'head'>;
  /** The database with the rows and the checkpoint of the projection `revocations`. */
  readonly db: Queryable;
  /** The lifetime of an access token, ms: older revocations can be forgotten. */
  readonly accessTtlMs: number;
  readonly logger: Logger;
  readonly now?: () => number;
}

interface Waiter {
  readonly position: bigint;
  readonly resolve: (passed: boolean) => void;
}

interface End {
  readonly atMs: number;
  /** The one session of the user that stays valid. */
  readonly keptSession: string | null;
}

/** Recent revocations, in memory, by stream: `session-<id>` and `user-<id>`. */
function createEnded(keptMs: number, now: () => number) {
  const ended = new Map<string, End>();
  const isRevoked: IsRevoked = ({ actor, sessionId, issuedAtMs }) => {
    if (ended.size === 0) return false;
    // An ended session never reopens. A user can log in again, so only the tokens issued before are revoked.
    if (ended.has(streamOf('session', sessionId))) return true;
    const user = ended.get(streamOf('user', actor.id));
    return user !== undefined && issuedAtMs <= user.atMs && user.keptSession !== sessionId;
  };
  return {
    isRevoked,
    add(stream: string, end: End): void {
      if (end.atMs >= now() - keptMs && end.atMs >= (ended.get(stream)?.atMs ?? 0)) ended.set(stream, end);
    },
    forget(): void {
      const before = now() - keptMs;
      for (const [stream, { atMs }] of ended) if (atMs < before) ended.delete(stream);
    },
  };
}

/** The position that the follower has reached, and the callers that wait for a later one. */
function createReached() {
  const waiters = new Set<Waiter>();
  let position = 0n;
  return {
    position: () => position,
    moveTo(next: bigint): void {
      position = next;
      for (const waiter of waiters) if (waiter.position <= next) waiter.resolve(true);
    },
    passed(wanted: bigint, timeoutMs = PASSED_WAIT_MAX_MS): Promise<boolean> {
      if (position >= wanted) return Promise.resolve(true);
      return new Promise((resolve) => {
        const waiter: Waiter = {
          position: wanted,
          resolve: (value) => {
            clearTimeout(limit);
            waiters.delete(waiter);
            resolve(value);
          },
        };
        const limit = setTimeout(() => waiter.resolve(false), timeoutMs);
        waiters.add(waiter);
      });
    },
    giveUp(): void {
      for (const waiter of waiters) waiter.resolve(false);
    },
  };
}

const LOAD = `
  SELECT subject, revoked_at, kept_session FROM revocations WHERE revoked_at > now() - $1 * interval '1 millisecond'`;
const CHECKPOINT = 'SELECT position::text FROM checkpoints WHERE name = $1';

/**
 * The sessions and users that were revoked within the lifetime of an access token. Each process follows the log, so it refuses
 * what another process revoked as soon as it has read that far.
 */
export function createRevocations(options: RevocationsOptions): Revocations {
  const { store, db, accessTtlMs, logger, now = Date.now } = options;
  const keptMs = accessTtlMs + CLOCK_SLACK_MS;
  const ended = createEnded(keptMs, now);
  const abort = new AbortController();
  const reached = createReached();
  let following: Promise<void> = Promise.resolve();
  let timer: NodeJS.Timeout | undefined;

  const observe = (events: readonly RecordedEvent[]): void => {
    for (const { type, stream, data, metadata } of events) {
      if (!REVOKING.has(type)) continue;
      const { keptSession } = data as { keptSession?: string | null };
      ended.add(stream, { atMs: Date.parse(metadata.occurredAt), keptSession: keptSession ?? null });
    }
  };

  /** The rows may lag behind the log, so following begins at their checkpoint. It is read before the rows, so no event is missed. */
  const load = async (): Promise<void> => {
    const checkpoint = await db.query<{ position: string }>(CHECKPOINT, [followerOf(revocations.name)]);
    const { rows } = await db.query<RevocationRow>(LOAD, [keptMs]);
    for (const { subject, revoked_at, kept_session } of rows) {
      ended.add(subject, { atMs: Date.parse(revoked_at), keptSession: kept_session });
    }
    reached.moveTo(BigInt(checkpoint.rows[0]?.position ?? '0'));
  };

  const followOnce = async (): Promise<void> => {
    for await (const events of store.follow(reached.position(), { signal: abort.signal })) {
      observe(events);
      const last = events.at(-1);
      if (last !== undefined) reached.moveTo(last.position);
    }
  };

  const isStopping = (): boolean => abort.signal.aborted;
  const follow = async (): Promise<void> => {
    let failures = 0;
    while (!isStopping()) {
      const from = reached.position();
      try {
        await followOnce();
      } catch (error) {
        if (!isStopping()) logger.warn({ err: error }, 'following the log for ended sessions broke off');
      }
      failures = reached.position() > from ? 1 : failures + 1;
      await rest(delayAfter(REOPEN, failures), abort.signal);
    }
  };

  return {
    isRevoked: ended.isRevoked,
    observe,
    passed: (position, timeoutMs) => reached.passed(position, timeoutMs),
    async start() {
      await translating(load);
      timer = setInterval(() => ended.forget(), FORGET_INTERVAL_MS).unref();
      following = follow();
      const head = await store.head();
      if (!(await reached.passed(head.position, START_WAIT_MAX_MS))) {
        logger.warn(
          { position: String(reached.position()), head: String(head.position) },
          'the revoked sessions are still being read from the log; until then some may still be accepted',
        );
      }
    },
    async stop() {
      abort.abort();
      clearInterval(timer);
      reached.giveUp();
      await following;
    },
  };
}
