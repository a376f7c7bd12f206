import { setTimeout as delay } from 'node:timers/promises';
import { EventStoreDBClient, ErrorType, isCommandError } from '@eventstore/db-client';
import { isRefusal, unavailable, type Refusal } from '../../errors.ts';
import type { Logger } from '../../platform/log.ts';
import { isUnusable, unusable } from './wireEvents.ts';

/** Deadline of one call. The client sets none for reads and does not enforce its own for appends. */
export const CALL_DEADLINE_MS = 4_000;
const READ_ATTEMPTS_MAX = 3;
const READ_RETRY_DELAY_MS = 50;
/** After this many equal failures in a row the client is replaced by a new one. */
const REBUILD_AFTER = 4;
/** Longest wait, before a client is disposed, for appends of other clients. Disposing would reject those. */
const OTHERS_WAIT_MS = 2_000;
const OTHERS_POLL_MS = 10;
/** Time limit for `dispose`, which waits for the client's streams to end; some never do. */
const DISPOSE_MS = 500;
const GRPC_INVALID_ARGUMENT = 3;

/** How long gRPC's own keepalive waits for an answer, ms, unless the URL says otherwise. */
const KEEPALIVE_TIMEOUT_MS = 10_000;
const KEEPALIVE_TIMEOUT = /[?&]keep[-_]?alive[-_]?timeout=(\d+)/i;
/** Clients whose keepalive differs. Far fewer exist at once. */
const CLIENTS_APART = 1_000;
let clients = 0;

/**
 * A new client with a connection of its own. gRPC lets all channels of a process share one connection to a server if their options
 * are equal, so a new client would go on with a connection that has gone silent. Here each client's keepalive differs by 1 ms.
 * KurrentDB's own URL scheme, which this client does not know, means the same server.
 */
function newClient(url: string): EventStoreDBClient {
  clients = (clients + 1) % CLIENTS_APART;
  const timeoutMs = Number(KEEPALIVE_TIMEOUT.exec(url)?.[1] ?? KEEPALIVE_TIMEOUT_MS) + clients;
  const known = url
    .trim()
    .replace(/\/+$/, '')
    .replace(/^kurrent(?:db)?(\+discover)?:/, 'esdb$1:');
  return EventStoreDBClient.connectionString(`${known}${known.includes('?') ? '&' : '?'}keepAliveTimeout=${timeoutMs}`);
}

export type Failure = 'not there' | 'wrong version' | 'too large' | 'denied' | 'bad position' | 'deleted' | 'unknown';

const MEANINGS: ReadonlyMap<ErrorType, Failure> = new Map([
  [ErrorType.STREAM_NOT_FOUND, 'not there'],
  [ErrorType.WRONG_EXPECTED_VERSION, 'wrong version'],
  [ErrorType.MAXIMUM_APPEND_SIZE_EXCEEDED, 'too large'],
  [ErrorType.ACCESS_DENIED, 'denied'],
  [ErrorType.STREAM_DELETED, 'deleted'],
]);

/** The meaning of a client's failure. `unknown`: the call may or may not have taken effect. */
export function failureOf(error: unknown): Failure {
  if (!(error instanceof Error) || !isCommandError(error)) return 'unknown';
  if ((error as { code?: number }).code === GRPC_INVALID_ARGUMENT && error.message.includes('position')) {
    return 'bad position';
  }
  return MEANINGS.get(error.type) ?? 'unknown';
}

/** The refusal that callers of the port get for a client's failure. */
export function logUnavailable(error: unknown): Refusal {
  if (isRefusal(error)) return error;
  const denied = failureOf(error) === 'denied';
  return unavailable('LogUnavailable', denied ? 'The log refuses our credentials.' : 'The log does not answer.', error);
}

class DeadlineExceeded extends Error {
  constructor(ms: number) {
    super(`no answer within ${ms} ms`);
    this.name = 'DeadlineExceeded';
  }
}

export const isLate = (error: unknown): boolean => error instanceof DeadlineExceeded;

/** Whether a call has had no answer in time. The client enforces the deadlines of some calls itself. */
const isUnanswered = (error: unknown): boolean =>
  isLate(error) || (error instanceof Error && isCommandError(error) && error.type === ErrorType.DEADLINE_EXCEEDED);

/** Rejects after `ms`, whether or not the client reacts. */
export function withDeadline<T>(work: Promise<T>, ms: number, onLate?: () => void): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      onLate?.();
      reject(new DeadlineExceeded(ms));
    }, ms);
    const settle = (): void => {
      clearTimeout(timer);
      resolve(work);
    };
    work.then(settle, settle);
  });
}

export interface Connection {
  /**
   * Runs a call on the current client. The client is replaced after `REBUILD_AFTER` equal failures in a row, and at once when it has
   * gone silent: a call is late, and since it began no other call has had an answer.
   */
  call<T>(work: (client: EventStoreDBClient) => Promise<T>): Promise<T>;
  /** Runs a call without side effects, with a few retries. Fails with the errors that the port promises. */
  read<T>(work: (client: EventStoreDBClient) => Promise<T>): Promise<T>;
  /** Number of running calls. */
  readonly busy: number;
  close(): Promise<void>;
}

/** Open connections that append. */
const open = new Set<Connection>();

export interface ConnectionOptions {
  readonly url: string;
  readonly appends: boolean;
  readonly log?: Logger | undefined;
}

/** One client, which is replaced when it seems to be broken. */
export function createConnection({ url, appends, log }: ConnectionOptions): Connection {
  let client = newClient(url);
  let failed: { readonly what: string; times: number } | undefined;
  let rebuilding: Promise<void> | undefined;
  let busy = 0;
  /** When a call on the current client last had an answer. */
  let heardAt = -Infinity;

  async function dispose(old: EventStoreDBClient): Promise<void> {
    // Disposing one client rejects the running appends of all clients in this process: they share their callbacks.
    const until = performance.now() + OTHERS_WAIT_MS;
    const others = (): boolean => [...open].some((other) => other !== connection && other.busy > 0);
    while (appends && others() && performance.now() < until) await delay(OTHERS_POLL_MS);
    await withDeadline(old.dispose(), DISPOSE_MS).catch(() => undefined);
  }

  async function rebuild(what: string, why: string): Promise<void> {
    log?.warn({ failure: what }, `the client of the log ${why}; making a new one`);
    const old = client;
    await dispose(old);
    failed = undefined;
    client = newClient(url);
  }

  function replace(what: string, why: string): void {
    rebuilding ??= rebuild(what, why).finally(() => (rebuilding = undefined));
  }

  function note(error: unknown, beganAt: number): void {
    const what = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
    if (isUnanswered(error) && heardAt < beganAt) {
      replace(what, 'has gone silent');
      return;
    }
    if (failureOf(error) !== 'unknown') {
      failed = undefined;
      heardAt = performance.now();
    } else if (failed?.what === what) failed.times += 1;
    else failed = { what, times: 1 };
    if (failed !== undefined && failed.times >= REBUILD_AFTER) replace(what, 'keeps failing in the same way');
  }

  /** `whole`: the answer counts only if the client stays, because the streams of a client that is disposed end early without an error. */
  async function call<T>(work: (client: EventStoreDBClient) => Promise<T>, whole = false): Promise<T> {
    await rebuilding;
    busy += 1;
    const [used, beganAt] = [client, performance.now()];
    try {
      const answer = await work(used);
      if (whole && (used !== client || rebuilding !== undefined)) throw new Error('the client was replaced meanwhile');
      failed = undefined;
      heardAt = performance.now();
      return answer;
    } catch (error) {
      // A failure of a client that was replaced meanwhile says nothing about the current one.
      if (!isUnusable(error) && used === client) note(error, beganAt);
      throw error;
    } finally {
      busy -= 1;
    }
  }

  const connection: Connection = {
    call,
    read: (work) => readWith((ask) => call(ask, true), work),
    get busy() {
      return busy;
    },
    async close() {
      open.delete(connection);
      await rebuilding;
      await dispose(client);
    },
  };
  if (appends) open.add(connection);
  return connection;
}

async function readWith<T>(call: Connection['call'], work: (client: EventStoreDBClient) => Promise<T>): Promise<T> {
  const until = performance.now() + CALL_DEADLINE_MS;
  for (let attempts = 1; ; attempts += 1) {
    try {
      return await call(work);
    } catch (error) {
      if (isUnusable(error)) throw error;
      const failure = failureOf(error);
      if (failure === 'bad position')
        throw unusable('the log has no event at the position that was asked for; it may have been replaced', error);
      const isLast = attempts === READ_ATTEMPTS_MAX || isLate(error) || performance.now() > until;
      if (failure !== 'unknown' || isLast) throw logUnavailable(error);
      await delay(READ_RETRY_DELAY_MS * attempts * (0.5 + Math.random()));
    }
  }
}

const shared = new Map<string, { readonly connection: Connection; users: number }>();

/** The one client of this process that appends to this log. It is closed when its last user closes it. */
export function shareWriter(url: string, log?: Logger): Connection {
  const entry = shared.get(url) ?? { connection: createConnection({ url, appends: true, log }), users: 0 };
  shared.set(url, entry);
  entry.users += 1;
  let released = false;
  return {
    ...entry.connection,
    get busy() {
      return entry.connection.busy;
    },
    async close() {
      if (released) return;
      released = true;
      entry.users -= 1;
      if (entry.users > 0) return;
      shared.delete(url);
      await entry.connection.close();
    },
  };
}
