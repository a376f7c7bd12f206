import { Redis } from 'ioredis';
import { type Backoff, delayAfter } from '../backoff.ts';
import type { Logger } from '../log.ts';
import { type Breaker, type ConnectionListener, createBreaker } from './breaker.ts';
import { createReads } from './reads.ts';

/** How long a command may take before whoever asked goes on without Redis. */
export const COMMAND_TIMEOUT_MS = 150;
/** Of the client's own commands on a new connection, which nobody waits for. */
const HANDSHAKE_TIMEOUT_MS = 1_000;
const CONNECT_TIMEOUT_MS = 1_000;
const RETRY: Backoff = { delayMs: 100, delayMaxMs: 2_000 };
/** In front of every key: what is written in another form gets another number. */
const FORMAT = 1;

/** Redis could not be asked, or would not do it. Whoever asked can do without. */
export class RedisUnavailable extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'RedisUnavailable';
  }
}

/** Keys and arguments as Redis's EVAL takes them; what the script answers. */
export type Script = (keys: readonly string[], args: readonly (string | number)[]) => Promise<unknown>;

/**
 * One connection to Redis that never stands in anybody's way: every command is answered or refused (`RedisUnavailable`)
 * within `COMMAND_TIMEOUT_MS`, at once while Redis is known to be away, and it comes back by itself.
 */
export interface RedisConnection {
  readonly up: boolean;
  /** The name of a key of this shop's. */
  key(name: string): string;
  /** Values of keys; all that is asked for in one turn of the event loop goes in one round trip. */
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
  /** Of the log: another log's shop shares nothing with this one. */
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
    retryStrategy: (attempt) => delayAfter(RETRY, attempt),
    // What was a master a moment ago may be a replica now: the name may lead to another one.
    reconnectOnError: (error) => error.message.startsWith('READONLY'),
  });

/** Rejects when time is up; an answer that came while this process itself was busy still counts. */
function inTime<T>(answer: Promise<T>, timeoutMs: number): Promise<T> {
  return new Promise((resolve, reject) => {
    const late = (): void => reject(new Error(`no answer within ${timeoutMs} ms`));
    const timer = setTimeout(() => setImmediate(() => setImmediate(late)), timeoutMs);
    answer.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}

/** Redis has answered, though not what was hoped for (out of memory, read only, loading). */
const isReply = (error: unknown): boolean => (error as Error).name === 'ReplyError';

/** Opens at once and connects in the background: a shop starts without its Redis. */
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

  const ping = (): Promise<unknown> => inTime(client.ping(), commandTimeoutMs);
  const breaker: Breaker = createBreaker({ client, log, ping });

  async function run<T>(command: () => Promise<T>): Promise<T> {
    if (!breaker.up) throw new RedisUnavailable('Redis is away');
    try {
      const answer = await inTime(command(), commandTimeoutMs);
      breaker.succeeded();
      return answer;
    } catch (error) {
      failures += 1;
      if (isReply(error)) breaker.succeeded();
      else breaker.failed(error as Error);
      throw new RedisUnavailable((error as Error).message);
    }
  }

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
      breaker.close();
      client.disconnect();
      return Promise.resolve();
    },
  };
}
