import type { Redis } from 'ioredis';
import type { Logger } from '../log.ts';

/** After this many commands in a row without an answer, no more commands are sent. */
const FAILURES_MAX = 5;
/** How often Redis is probed while it is down. */
const PROBE_MS = 500;
const PROBE_JITTER_MS = 100;
/** An outage is logged when it starts, and then at most this often. */
const TOLD_AGAIN_MS = 60_000;

export interface ConnectionListener {
  /** `reconnected`: the server may be another one than before, or one that has lost data. */
  up?(reconnected: boolean): void;
  down?(): void;
}

export interface Breaker {
  /** Whether commands are sent to Redis. */
  readonly up: boolean;
  succeeded(): void;
  failed(error: Error): void;
  listen(listener: ConnectionListener): void;
  close(): void;
}

interface BreakerOptions {
  readonly client: Redis;
  readonly log: Logger;
  /** Must have a time limit. */
  readonly ping: () => Promise<unknown>;
}

function createTeller(log: Logger) {
  let toldAt = -Infinity;
  return {
    absent({ message: reason }: Error): void {
      if (performance.now() - toldAt < TOLD_AGAIN_MS) return;
      toldAt = performance.now();
      log.warn({ reason }, 'Redis does not answer: going on without it');
    },
    present(): void {
      toldAt = -Infinity;
      log.info('Redis answers');
    },
  };
}

/**
 * A circuit breaker: commands are sent only while Redis is connected and answers. A connection without answers is replaced,
 * because a server that vanished without closing it would never answer.
 */
export function createBreaker({ client, log, ping }: BreakerOptions): Breaker {
  const listeners: ConnectionListener[] = [];
  let up = false;
  let closed = false;
  let silent = 0;
  let reconnected = false;
  let probing: NodeJS.Timeout | undefined;
  const tell = createTeller(log);

  function rise(): void {
    silent = 0;
    if (up || closed) return;
    up = true;
    tell.present();
    const anew = reconnected;
    reconnected = false;
    for (const listener of listeners) listener.up?.(anew);
  }

  function fall(error: Error): void {
    probeLater();
    if (closed) return;
    tell.absent(error);
    if (!up) return;
    up = false;
    for (const listener of listeners) listener.down?.();
  }

  async function probe(): Promise<void> {
    probing = undefined;
    if (up || closed) return;
    try {
      if (client.status !== 'ready') throw new Error('not connected');
      await ping();
      rise();
    } catch {
      if (client.status === 'ready') client.disconnect(true);
      probeLater();
    }
  }

  function probeLater(): void {
    if (closed) return;
    probing ??= setTimeout(() => void probe(), PROBE_MS + Math.random() * PROBE_JITTER_MS).unref();
  }

  client.on('error', (error) => {
    if (!up) tell.absent(error);
  });
  client.on('ready', () => {
    reconnected = true;
    rise();
  });
  client.on('close', () => fall(new Error('the connection is closed')));

  return {
    get up() {
      return up;
    },
    succeeded() {
      silent = 0;
    },
    failed(error) {
      silent += 1;
      if (silent >= FAILURES_MAX) fall(error);
    },
    listen: (listener) => void listeners.push(listener),
    close() {
      closed = true;
      up = false;
      clearTimeout(probing);
    },
  };
}
