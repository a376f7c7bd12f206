import { connect, Events, type ConnectionOptions, type NatsConnection } from 'nats';
import type { Logger } from '../log.ts';
import { createBell } from '../eventstore/bell.ts';
import { delayAfter, isOver, rest } from './attempts.ts';

const CONNECT_TIMEOUT_MS = 5_000;
const CONNECT_RETRY = { delayMs: 250, delayMaxMs: 5_000 };
const RECONNECT_WAIT_MS = 500;
const RECONNECT_JITTER_MS = 500;
/** A peer that is silently gone is noticed after two pings without an answer. */
const PING_INTERVAL_MS = 20_000;
const PINGS_OUT_MAX = 2;
const CLOSE_TIMEOUT_MS = 1_000;
const PING_TIMEOUT_MS = 1_500;

export interface NatsLinkOptions {
  /** `nats://` or `tls://`, with user and password, or a token, if there are any. */
  readonly urls: readonly string[];
  /** As operators see it in the list of connections. */
  readonly name: string;
  readonly log: Logger;
}

/** One connection to NATS, or the wish for one: made anew for ever, whatever happens to it. */
export interface NatsLink {
  readonly connected: boolean;
  /** Rings when it connects and when it breaks. */
  readonly changed: ReturnType<typeof createBell>;
  /** The connection, as soon as it stands; undefined when `signal` aborts. */
  connection(signal: AbortSignal): Promise<NatsConnection | undefined>;
  /** Rejects when there is no answer. */
  ping(): Promise<void>;
  /** Never rejects. */
  close(): Promise<void>;
}

/** The client takes credentials as options alone, not in the address. */
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
    ...{ pingInterval: PING_INTERVAL_MS, maxPingOut: PINGS_OUT_MAX },
  };
}

const within = async (ms: number, work: Promise<unknown>): Promise<void> => {
  const over = new AbortController();
  await Promise.race([work, rest(ms, over.signal)]).finally(() => over.abort());
};

/** Begins to connect at once and returns without waiting for it: NATS may be away for as long as it likes. */
export function openNatsLink(options: NatsLinkOptions): NatsLink {
  const { log } = options;
  const closing = new AbortController();
  const changed = createBell();
  const state: { connection: NatsConnection | undefined; connected: boolean } = {
    connection: undefined,
    connected: false,
  };
  const set = (connected: boolean): void => {
    state.connected = connected;
    changed.ring();
  };

  async function watch(connection: NatsConnection): Promise<void> {
    for await (const status of connection.status()) {
      if (status.type === Events.Disconnect) {
        set(false);
        log.warn('the connection to NATS is broken; connecting again');
      } else if (status.type === Events.Reconnect) {
        set(true);
        log.info({ server: connection.getServer() }, 'connected to NATS again');
      }
    }
  }

  async function live(): Promise<void> {
    for (let failures = 0; !isOver(closing.signal);) {
      try {
        state.connection = await connect(connectionOptions(options));
        failures = 0;
        log.info({ server: state.connection.getServer() }, 'connected to NATS');
        set(true);
        void watch(state.connection).catch(() => undefined);
        if (isOver(closing.signal)) break;
        const error = await state.connection.closed();
        if (!isOver(closing.signal)) log.warn({ err: error }, 'the connection to NATS was closed; connecting again');
      } catch (error) {
        failures += 1;
        log.warn({ err: error, failures }, 'NATS cannot be reached; trying again');
      }
      set(false);
      await rest(delayAfter({ ...CONNECT_RETRY, attemptsMax: 0, timeoutMs: 0 }, failures + 1), closing.signal);
    }
  }
  const living = live();

  return {
    get connected() {
      return state.connected;
    },
    changed,
    async connection(signal) {
      while (!isOver(signal) && !isOver(closing.signal)) {
        const heard = changed.rings;
        if (state.connected) return state.connection;
        await changed.next(heard, { signal: AbortSignal.any([signal, closing.signal]) });
      }
      return undefined;
    },
    async ping() {
      if (!state.connected || state.connection === undefined) throw new Error('NATS is not connected');
      let answered = false;
      await within(
        PING_TIMEOUT_MS,
        state.connection.flush().then(() => (answered = true)),
      );
      if (!answered) throw new Error(`NATS did not answer within ${PING_TIMEOUT_MS} ms`);
    },
    async close() {
      closing.abort();
      const { connection, connected } = state;
      // What was said last, acknowledgements among it, is on its way before the connection is closed.
      if (connected) await within(CLOSE_TIMEOUT_MS, connection!.flush().catch(() => undefined));
      if (connection !== undefined) await within(CLOSE_TIMEOUT_MS, connection.close().catch(() => undefined));
      await within(CLOSE_TIMEOUT_MS, living);
      set(false);
    },
  };
}
