import { performance } from 'node:perf_hooks';
import type { Logger } from 'pino';
import { pagesOf } from '../../engine/decide/answer.ts';
import { NO_STREAM, streamOf, type EventStore, type RecordedEvent } from '../../eventstore/eventStore.ts';
import { poisonOf } from '../../eventstore/upcast.ts';
import { type Backoff, delayAfter, rest } from '../../platform/backoff.ts';
import { translating, type Queryable } from '../../platform/postgres/pool.ts';
import { keysOf, type Projection } from '../../engine/project/projection.ts';
import { followerOf } from '../../engine/project/validate.ts';
import { revocations, roleOfUser, type RevocationRow } from '../../projections/revocations.ts';
import type { IsRevoked } from './tokens.ts';

/** How long a command waits until this process has observed the revocations that the command made, ms. */
const PASSED_WAIT_MAX_MS = 2_000;
const FORGET_INTERVAL_MS = 60_000;
/** Delay before a broken follower is reopened: short at first, because ended sessions are still accepted meanwhile. */
const REOPEN: Backoff = { delayMs: 20, delayMaxMs: 500 };
const START_WAIT_MAX_MS = 10_000;
/** Clocks of processes may differ by this much: revocations are kept that much longer than a token lives. */
const CLOCK_SLACK_MS = 3_600_000;

/** Events that end a user, and so all of their earlier access tokens. */
const ENDS_OF_USERS: ReadonlySet<string> = new Set(['UserErased']);

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
  readonly store: Pick<EventStore, 'follow' | 'head' | 'read'>;
  /** The database with the rows and the checkpoint of the projection `revocations`. */
  readonly db: Queryable;
  /** The lifetime of an access token, ms: older revocations can be forgotten. */
  readonly accessTtlMs: number;
  readonly logger: Logger;
  /** Monotonic, in ms. */
  readonly now?: () => number;
}

interface Waiter {
  readonly position: bigint;
  readonly resolve: (passed: boolean) => void;
}

interface End {
  /** Of the event in its stream. */
  readonly revision: number;
  /** The one session of the user that stays valid. */
  readonly keptSession: string | null;
}

/**
 * Recent revocations, in memory, by the subject of the read model. What came first, a token or a revocation, is decided by their
 * revisions of the user's stream. A clock only says when a revocation may be forgotten.
 */
function createEnded(keptMs: number, now: () => number) {
  const ended = new Map<string, End & { readonly untilMs: number }>();
  const isRevoked: IsRevoked = ({ actor, sessionId, revision }) => {
    if (ended.size === 0) return false;
    // An ended session never reopens. A user can log in again, so only the tokens issued before are revoked.
    if (ended.has(streamOf('session', sessionId))) return true;
    const stream = streamOf('user', actor.id);
    const user = ended.get(stream);
    if (user !== undefined && revision < user.revision && user.keptSession !== sessionId) return true;
    const role = ended.get(roleOfUser(stream, actor.role));
    return role !== undefined && revision < role.revision;
  };
  return {
    isRevoked,
    add(subject: string, end: End): void {
      if (end.revision >= (ended.get(subject)?.revision ?? 0)) ended.set(subject, { ...end, untilMs: now() + keptMs });
    },
    forget(): void {
      const nowMs = now();
      for (const [subject, { untilMs }] of ended) if (untilMs < nowMs) ended.delete(subject);
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

/** The subjects that an event revokes, as the read model has them. */
function endsBy(event: RecordedEvent): (readonly [subject: string, end: End])[] {
  const { type, stream } = event;
  const revision = Number(event.revision);
  if (ENDS_OF_USERS.has(type)) return [[stream, { revision, keptSession: null }]];
  const on = revocations.on as Projection<RevocationRow>['on'];
  const change = Object.hasOwn(on, type) ? on[type] : undefined;
  // The follower goes past an event that it cannot read: otherwise it would see no later one.
  if (change === undefined || poisonOf(event) !== undefined) return [];
  return keysOf(change, event).map((subject) => {
    const row = change.row(undefined, event, subject);
    return [subject, { revision, keptSession: row?.kept_session ?? null }];
  });
}

interface Start {
  readonly head: bigint;
  readonly wallMs: number;
}

/** Old entries of a log may be long over: they need not fill the memory of a process that starts. */
const isOver = (event: RecordedEvent, started: Start, keptMs: number): boolean =>
  event.position <= started.head &&
  poisonOf(event) === undefined &&
  Date.parse(event.metadata.occurredAt) < started.wallMs - keptMs;

interface LoadedRow extends Pick<RevocationRow, 'subject' | 'kept_session'> {
  readonly revision: string;
}

const LOAD = `
  SELECT subject, kept_session, revision::text FROM revocations WHERE revoked_at > now() - $1 * interval '1 millisecond'`;
const CHECKPOINT = 'SELECT position::text FROM checkpoints WHERE name = $1';

/**
 * The sessions and users that were revoked within the lifetime of an access token. Each process follows the log, so it refuses
 * what another process revoked as soon as it has read that far.
 */
export function createRevocations(options: RevocationsOptions): Revocations {
  const { store, db, accessTtlMs, logger, now = () => performance.now() } = options;
  const keptMs = accessTtlMs + CLOCK_SLACK_MS;
  const ended = createEnded(keptMs, now);
  const abort = new AbortController();
  const reached = createReached();
  let following: Promise<void> = Promise.resolve();
  let startedAt = { head: 0n, wallMs: 0 };
  let timer: NodeJS.Timeout | undefined;

  const observe = (events: readonly RecordedEvent[]): void => {
    for (const event of events) for (const [subject, end] of endsBy(event)) ended.add(subject, end);
  };

  /** The rows may lag behind the log, so following begins at their checkpoint. It is read before the rows, so no event is missed. */
  const load = async (): Promise<void> => {
    const checkpoint = await db.query<{ position: string }>(CHECKPOINT, [followerOf(revocations.name)]);
    const { rows } = await db.query<LoadedRow>(LOAD, [keptMs]);
    for (const { subject, kept_session, revision } of rows) {
      // Versions before revisions left them out of the rows of users.
      if (BigInt(revision) === NO_STREAM) for await (const page of pagesOf(store, subject)) observe(page);
      else ended.add(subject, { revision: Number(revision), keptSession: kept_session });
    }
    reached.moveTo(BigInt(checkpoint.rows[0]?.position ?? '0'));
  };

  const followOnce = async (): Promise<void> => {
    for await (const events of store.follow(reached.position(), { signal: abort.signal })) {
      observe(events.filter((event) => !isOver(event, startedAt, keptMs)));
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
      const head = await store.head();
      startedAt = { head: head.position, wallMs: Date.now() };
      following = follow();
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
