import { Redis } from 'ioredis';
import { type Backoff, delayAfter } from '../backoff.ts';
import type { Logger } from '../log.ts';
import { type Breaker, type ConnectionListener, createBreaker } from './breaker.ts';
import { createReads } from './reads.ts';

/** Time limit of a command. After it the caller goes on without Redis. */
const COMMAND_TIMEOUT_MS = 150;
/** Time limit of the client's own commands on a new connection. No caller waits for them. */
const HANDSHAKE_TIMEOUT_MS = 1_000;
const CONNECT_TIMEOUT_MS = 1_000;
/** How long a connection that is given up may take to end by itself. A server that has gone silent never ends it. */
const DISCONNECT_TIMEOUT_MS = 100;
/** After this long without an answer Redis is asked for one, so that an idle connection that has gone silent is noticed. */
const QUIET_MS = 1_000;
const RETRY: Backoff = { delayMs: 100, delayMaxMs: 2_000 };
/** Part of every key's prefix. Must be raised when the format of the values changes. */
const FORMAT = 1;

/** Redis did not answer, or refused the command. Callers must be able to go on without it. */
class RedisUnavailable extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'RedisUnavailable';
  }
}

/** Runs a script with keys and arguments like Redis's EVAL. Resolves with the script's result. */
type Script = (keys: readonly string[], args: readonly (string | number)[]) => Promise<unknown>;

/**
 * One connection to Redis that never blocks its callers. Every command succeeds or fails with `RedisUnavailable` within
 * `COMMAND_TIMEOUT_MS`; while Redis is known to be down it fails at once. Reconnects by itself, also when the server has gone silent, used or not.
 */
export interface RedisConnection {
  readonly up: boolean;
  /** The full name of one of this shop's keys. */
  key(name: string): string;
  /** Values of keys. All reads in one turn of the event loop share one round trip. */
  read(keys: readonly string[]): Promise<(string | null)[]>;
  unlink(keys: readonly string[]): Promise<void>;
  script(lua: string): Script;
  listen(listener: ConnectionListener): void;
  ping(): Promise<void>;
  stats(): { readonly up: boolean; readonly failures: number };
  close(): Promise<void>;
}

export interface RedisOptions {
  readonly url: string;
  /** The log's epoch. It is part of every key, so shops with different logs share nothing. */
  readonly epoch: string;
  readonly log: Logger;
  readonly commandTimeoutMs?: number;
}

const openClient = (url: string): Redis =>
  new Redis(url, {
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    commandTimeout: HANDSHAKE_TIMEOUT_MS,
    connectTimeout: CONNECT_TIMEOUT_MS,
    disconnectTimeout: DISCONNECT_TIMEOUT_MS,
    retryStrategy: (attempt) => delayAfter(RETRY, attempt),
    // A master may have become a replica. Reconnect, because the host name may now lead to the new master.
    reconnectOnError: (error) => error.message.startsWith('READONLY'),
  });

/** Rejects after `timeoutMs`. An answer that arrived while this process itself was busy still counts. */
function inTime<T>(answer: Promise<T>, timeoutMs: number): Promise<T> {
  return new Promise((resolve, reject) => {
    const late = (): void => reject(new Error(`no answer within ${timeoutMs} ms`));
    const timer = setTimeout(() => setImmediate(() => setImmediate(late)), timeoutMs);
    answer.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}

/** Whether Redis has answered with an error (out of memory, read only, loading). */
const isReply = (error: unknown): boolean => (error as Error).name === 'ReplyError';

/** Returns at once and connects in the background, so a shop also starts without its Redis. */
export function connectRedis({
  url,
  epoch,
  log,
  commandTimeoutMs = COMMAND_TIMEOUT_MS,
}: RedisOptions): RedisConnection {
  const client = openClient(url);
  const prefix = `cartulary:${FORMAT}:${epoch}:`;
  let failures = 0;
  let scripts = 0;
  let answeredAt = -Infinity;

  const ping = (): Promise<unknown> => inTime(client.ping(), commandTimeoutMs);
  const breaker: Breaker = createBreaker({ client, log, ping });

  function answered(): void {
    answeredAt = performance.now();
    breaker.succeeded();
  }

  async function run<T>(command: () => Promise<T>): Promise<T> {
    if (!breaker.up) throw new RedisUnavailable('Redis is away');
    try {
      const answer = await inTime(command(), commandTimeoutMs);
      answered();
      return answer;
    } catch (error) {
      failures += 1;
      if (isReply(error)) answered();
      else breaker.failed(error as Error);
      throw new RedisUnavailable((error as Error).message);
    }
  }

  /** Asks until there is an answer, or the breaker has counted enough failures. */
  async function breakSilence(): Promise<void> {
    while (breaker.up && performance.now() - answeredAt >= QUIET_MS) {
      await run(() => client.ping()).catch(() => undefined);
    }
  }
  const listening = setInterval(() => void breakSilence(), QUIET_MS).unref();

  return {
    get up() {
      return breaker.up;
    },
    key: (name) => prefix + name,
    read: createReads((keys) => run(() => client.mget(keys))),
    async unlink(keys) {
      await run(() => client.unlink(...keys));
    },
    script(lua) {
      const name = `cartulary${(scripts += 1)}`;
      client.defineCommand(name, { lua });
      const commands = client as unknown as Record<string, (...args: (string | number)[]) => Promise<unknown>>;
      return (keys, args) => run(() => commands[name]!(keys.length, ...keys, ...args));
    },
    listen: (listener) => breaker.listen(listener),
    ping: () => run(() => client.ping()).then(() => undefined),
    stats: () => ({ up: breaker.up, failures }),
    close() {
      clearInterval(listening);
      breaker.close();
      client.disconnect();
      return Promise.resolve();
    },
  };
}
