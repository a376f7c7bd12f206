import { setImmediate as immediately } from 'node:timers/promises';
import { connect, type ConnectionOptions, Events, type NatsConnection } from 'nats';
import type { Logger } from '../../platform/log.ts';
import { createSignal, type Signal } from '../../platform/signal.ts';
import { delayAfter, isOver, rest } from '../../platform/backoff.ts';

const CONNECT_TIMEOUT_MS = 5_000;
const CONNECT_RETRY = { attemptsMax: 0, delayMs: 250, delayMaxMs: 5_000, timeoutMs: 0 };
const RECONNECT_WAIT_MS = 500;
const RECONNECT_JITTER_MS = 500;
/** The server is pinged this often. A connection on which this many pings in a row have no answer in time has gone silent. */
const PING_INTERVAL_MS = 2_000;
const PINGS_OUT_MAX = 2;
const PING_TIMEOUT_MS = 1_500;
const CLOSE_TIMEOUT_MS = 1_000;

export interface NatsLinkOptions {
  /** `nats://` or `tls://` URLs, optionally with user and password, or with a token. */
  readonly urls: readonly string[];
  /** The name in the server's list of connections. */
  readonly name: string;
  readonly log: Logger;
}

/** A connection to NATS that reconnects without limit, also when the server has gone silent, until closed. */
export interface NatsLink {
  readonly connected: boolean;
  /** Rings when it connects and when it breaks. */
  readonly changed: Signal;
  /** The connection, as soon as it is up; undefined when `signal` aborts. */
  connection(signal: AbortSignal): Promise<NatsConnection | undefined>;
  /** Rejects when there is no answer. */
  ping(): Promise<void>;
  /** Never rejects. */
  close(): Promise<void>;
}

/** The client takes credentials only as options, not in the URL. The first URL's credentials count for all. */
function connectionOptions({ urls, name }: NatsLinkOptions): ConnectionOptions {
  const parsed = urls.map((url) => new URL(url));
  const { username, password } = parsed[0]!;
  const [user, pass] = [decodeURIComponent(username), decodeURIComponent(password)];
  const credentials = user === '' ? {} : pass === '' ? { token: user } : { user, pass };
  return {
    servers: parsed.map(({ host }) => host),
    ...credentials,
    ...(parsed.some(({ protocol }) => protocol === 'tls:') ? { tls: {} } : {}),
    ...{ name, timeout: CONNECT_TIMEOUT_MS, maxReconnectAttempts: -1, ignoreAuthErrorAbort: true, noAsyncTraces: true },
    ...{ reconnectTimeWait: RECONNECT_WAIT_MS, reconnectJitter: RECONNECT_JITTER_MS },
  };
}

const within = async (ms: number, work: Promise<unknown> | undefined): Promise<void> => {
  const over = new AbortController();
  await Promise.race([work, rest(ms, over.signal)]).finally(() => over.abort());
};

interface State {
  readonly changed: Signal;
  readonly closing: AbortSignal;
  connection: NatsConnection | undefined;
  connected: boolean;
}

function set(state: State, connected: boolean): void {
  state.connected = connected;
  state.changed.raise();
}

async function watch(state: State, connection: NatsConnection, log: Logger): Promise<void> {
  for await (const status of connection.status()) {
    if (state.connection !== connection) return;
    if (status.type === Events.Disconnect) {
      set(state, false);
      log.warn('the connection to NATS is broken; connecting again');
    } else if (status.type === Events.Reconnect) {
      set(state, true);
      log.info({ server: connection.getServer() }, 'connected to NATS again');
    }
  }
}

type Answer = 'answered' | 'late' | 'broken';

async function ask(connection: NatsConnection): Promise<Answer> {
  const over = new AbortController();
  const late = async (): Promise<Answer> => {
    await rest(PING_TIMEOUT_MS, over.signal);
    // An answer that arrived while this process itself was busy still counts.
    await immediately();
    await immediately();
    return 'late';
  };
  const answered = connection.flush().then(
    (): Answer => 'answered',
    (): Answer => 'broken',
  );
  return Promise.race([answered, late()]).finally(() => over.abort());
}

/** Pings the server from time to time. Resolves when the connection has gone silent, or `signal` aborts. */
async function untilSilent(state: State, connection: NatsConnection, signal: AbortSignal): Promise<void> {
  for (let unanswered = 0; !isOver(signal) && unanswered < PINGS_OUT_MAX;) {
    if (unanswered === 0) await rest(PING_INTERVAL_MS, signal);
    // The client has noticed by itself that the connection is broken, and connects again.
    const answer = state.connected ? await ask(connection) : 'broken';
    unanswered = answer === 'late' ? unanswered + 1 : 0;
  }
}

/** Resolves with the reason when the connection is closed or has gone silent, or when `closing` aborts. */
async function end(state: State, connection: NatsConnection): Promise<unknown> {
  const closed = new AbortController();
  const silent = untilSilent(state, connection, AbortSignal.any([state.closing, closed.signal]));
  const reason = await Promise.race([connection.closed(), silent.then(() => new Error('the server has gone silent'))]);
  closed.abort();
  return reason;
}

/** Keeps one connection open, and opens a new one after each failure, until closed. */
async function live(state: State, options: NatsLinkOptions): Promise<void> {
  const { closing } = state;
  const { log } = options;
  for (let failures = 0; !isOver(closing);) {
    try {
      const connection = await connect(connectionOptions(options));
      failures = 0;
      if (isOver(closing)) {
        await connection.close();
        return;
      }
      state.connection = connection;
      log.info({ server: connection.getServer() }, 'connected to NATS');
      void watch(state, connection, log).catch(() => undefined);
      set(state, true);
      const error = await end(state, connection);
      // The client sends its buffered messages before the link is closed.
      if (isOver(closing)) return;
      log.warn({ err: error }, 'the connection to NATS is over; connecting again');
      set(state, false);
      state.connection = undefined;
      // Not awaited: closing first sends what is buffered, and a server that has gone silent may never take it.
      void connection.close().catch(() => undefined);
    } catch (error) {
      failures += 1;
      log.warn({ err: error, failures }, 'NATS cannot be reached; trying again');
    }
    set(state, false);
    await rest(delayAfter(CONNECT_RETRY, failures + 1), closing);
  }
}

async function ping({ connection, connected }: State): Promise<void> {
  if (!connected || connection === undefined) throw new Error('NATS is not connected');
  if ((await ask(connection)) !== 'answered') throw new Error(`NATS did not answer within ${PING_TIMEOUT_MS} ms`);
}

/** Starts to connect and returns without waiting: NATS may be unreachable for any time. */
export function openNatsLink(options: NatsLinkOptions): NatsLink {
  const closing = new AbortController();
  const changed = createSignal();
  const state: State = { changed, closing: closing.signal, connection: undefined, connected: false };
  const living = live(state, options);
  return {
    get connected() {
      return state.connected;
    },
    changed,
    async connection(signal) {
      const either = AbortSignal.any([signal, closing.signal]);
      while (!isOver(either)) {
        const seen = changed.count;
        if (state.connected) return state.connection;
        await changed.next(seen, { signal: either });
      }
      return undefined;
    },
    ping: () => ping(state),
    async close() {
      closing.abort();
      // Send what is buffered, for example acknowledgements, before the connection is closed.
      if (state.connected)
        await within(
          CLOSE_TIMEOUT_MS,
          state.connection!.flush().catch(() => undefined),
        );
      await within(
        CLOSE_TIMEOUT_MS,
        state.connection?.close().catch(() => undefined),
      );
      // Also close a connection that was opened meanwhile.
      await within(CONNECT_TIMEOUT_MS + CLOSE_TIMEOUT_MS, living);
      await within(
        CLOSE_TIMEOUT_MS,
        state.connection?.close().catch(() => undefined),
      );
      set(state, false);
    },
  };
}
