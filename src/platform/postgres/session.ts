import { Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { askServer } from './probe.ts';

export const CONNECT_TIMEOUT_MS = 5_000;
/** A connection that does not say goodbye within this time is cut. */
const END_TIMEOUT_MS = 1_000;
/** The server reports a statement timeout itself. This much later, silence means that the connection is dead. */
const SILENCE_MARGIN_MS = 1_000;
/** Silence that ends a connection without a statement timeout: a bulk statement, such as a new index, may take long. */
const BULK_SILENCE_MS = 30 * 60_000;

/** After this much silence the server is asked, on a new connection, whether it still works on the statement. */
const SUSPECT_MS = 3_000;
/** A statement that the server still works on is asked about again after doubling pauses, up to this one. */
const SUSPECT_MAX_MS = 30_000;
const UNREFERENCED = { ref: false };
/** How long an answer may still be on its way when the server says that it has answered. */
const ON_ITS_WAY_MS = 250;

/** The limits of a session, ms; 0 means no limit. */
export interface SessionLimits {
  readonly statementTimeoutMs: number;
  readonly lockTimeoutMs: number;
  readonly idleInTransactionTimeoutMs: number;
}

export interface SessionConfig extends pg.ClientConfig {
  readonly connectionString: string;
  readonly session: SessionLimits & {
    /** Settings of the planner, such as `enable_seqscan`. */
    readonly planner?: Readonly<Record<string, string>>;
    /** How long a statement may go without a byte from or to the server; by default a little longer than it may take. */
    readonly silenceMs?: number;
    /** Called when the connection breaks, as opposed to being closed. */
    readonly onLost?: () => void;
    /** Called when the connection was cut because it went silent. */
    readonly onSilent?: () => void;
  };
}

/**
 * The settings that the shop's SQL and the parsers of its answers rely on. A role, a database or a server may have others as
 * their defaults, so each session sets them.
 */
const PINNED: Readonly<Record<string, string>> = {
  DateStyle: 'ISO, MDY',
  IntervalStyle: 'postgres',
  TimeZone: 'UTC',
  bytea_output: 'hex',
  extra_float_digits: '1',
  standard_conforming_strings: 'on',
  array_nulls: 'on',
  transform_null_equals: 'off',
  quote_all_identifiers: 'off',
  gin_fuzzy_search_limit: '0',
  default_transaction_isolation: 'read committed',
  default_transaction_deferrable: 'off',
};

/** Limits that would cut healthy connections. Older servers do not have them. */
const LIMITS_OFF = ['idle_session_timeout', 'transaction_timeout'];

/** Functions are named with their schema, because the session's `search_path` is not set yet. */
const set = (name: string, value: string): string => `pg_catalog.set_config('${name}', ${value}, false)`;

/**
 * The shop's schema is the first existing one on the `search_path` that the session began with, unless the URL names one.
 * From here on it is the only one, so an unqualified name means the shop's own table, in every statement.
 */
const searchPath = (schema: string | undefined): string => {
  const name = schema === undefined ? 'pg_catalog.current_schema()' : pg.escapeLiteral(schema);
  return set('search_path', `pg_catalog.quote_ident(${name}) || ', pg_temp'`);
};

/** The schema that `?schema=` in the database's URL names. */
const schemaIn = (url: string): string | undefined => new URL(url).searchParams.get('schema') ?? undefined;

/** The statement that pins a session's settings. An acknowledged commit is on the disk, even where the default says otherwise. */
function pinSql({ connectionString, session }: Pick<SessionConfig, 'connectionString' | 'session'>): string {
  const wanted = {
    ...PINNED,
    statement_timeout: String(session.statementTimeoutMs),
    lock_timeout: String(session.lockTimeoutMs),
    idle_in_transaction_session_timeout: String(session.idleInTransactionTimeoutMs),
    ...session.planner,
  };
  const settings = [
    searchPath(schemaIn(connectionString)),
    ...Object.entries(wanted).map(([name, value]) => set(name, pg.escapeLiteral(value))),
    `CASE pg_catalog.current_setting('synchronous_commit') WHEN 'off' THEN ${set('synchronous_commit', "'on'")} END`,
    ...LIMITS_OFF.map(
      (name) => `CASE WHEN pg_catalog.current_setting('${name}', true) <> '0' THEN ${set(name, "'0'")} END`,
    ),
  ];
  return `SELECT pg_catalog.pg_backend_pid() AS pid, ${settings.join(', ')}`;
}

type OnConnect = (error: Error | null, client?: pg.Client) => void;

const silenceOf = ({ silenceMs, statementTimeoutMs }: SessionConfig['session']): number =>
  silenceMs ?? (statementTimeoutMs === 0 ? BULK_SILENCE_MS : statementTimeoutMs + SILENCE_MARGIN_MS);

/** The server has not answered for too long, although the connection looks open. */
const silent = (ms: number): Error =>
  Object.assign(new Error(`Postgres has been silent for ${ms} ms: the connection was cut`), { code: 'ETIMEDOUT' });

/**
 * The shop's only kind of connection to Postgres. It pins its settings before its first use, by a statement and not in the
 * startup message, because PgBouncer refuses a startup message with settings. A network can swallow a connection without a sign.
 * So a connection on which a statement gets no answer is cut as soon as the server says, on a new connection, that it no longer
 * works on it, and at the latest after `silenceMs`. A broken connection fails its queries and never the process.
 */
export class Session extends pg.Client {
  readonly #pin: string;
  readonly #connectMs: number;
  readonly #silenceMs: number;
  readonly #url: string;
  readonly #onSilent: (() => void) | undefined;
  /** The server's process for this connection. A pooler between them does not tell it in its greeting. */
  #pid = 0;
  #suspected = false;

  constructor(config: SessionConfig) {
    super(config);
    this.#pin = pinSql(config);
    this.#connectMs = config.connectionTimeoutMillis ?? CONNECT_TIMEOUT_MS;
    this.#silenceMs = silenceOf(config.session);
    this.#url = config.connectionString;
    this.#onSilent = config.session.onSilent;
    this.on('error', () => config.session.onLost?.());
  }

  override connect(): Promise<pg.Client>;
  override connect(callback: OnConnect): void;
  override connect(callback?: OnConnect): Promise<pg.Client> | undefined {
    const connected = this.#open();
    if (callback === undefined) return connected;
    connected.then(
      () => callback(null, this),
      (error: unknown) => callback(error as Error),
    );
    return undefined;
  }

  override end(): Promise<void>;
  override end(callback: (error: Error) => void): void;
  override end(callback?: (error: Error) => void): Promise<void> | undefined {
    const late = setTimeout(() => this.cut(), END_TIMEOUT_MS).unref();
    const ended = super.end().finally(() => clearTimeout(late));
    if (callback === undefined) return ended;
    void ended.then(() => (callback as () => void)());
    return undefined;
  }

  /** Ends the connection at once. Its queries fail. */
  cut(error?: Error): void {
    this.connection.stream.destroy(error);
  }

  /** Breaks an idle connection. Its pool gives it to no one any more, which a mere cut would tell it only later. */
  drop(): void {
    const error = new Error('another connection to Postgres went silent: this one was cut too');
    this.emit('error', error);
    this.cut(error);
  }

  async #open(): Promise<pg.Client> {
    const late = setTimeout(() => this.cut(silent(this.#connectMs)), this.#connectMs);
    try {
      await this.#greeted(super.connect());
      const { rows } = await this.query<{ pid: unknown }>(this.#pin);
      this.#pid = Number(rows[0]!.pid);
      this.#watch();
      return this;
    } catch (error) {
      this.cut();
      throw error;
    } finally {
      clearTimeout(late);
    }
  }

  /** The driver never tells those that wait for a connection of its end, if the process itself ended it. */
  async #greeted(connecting: Promise<unknown>): Promise<void> {
    let onEnd: () => void = () => undefined;
    const ended = new Promise<never>((_resolve, reject) => {
      onEnd = () => reject(new Error('The connection was ended before it was open.'));
      this.once('end', onEnd);
    });
    try {
      await Promise.race([connecting, ended]);
    } finally {
      this.off('end', onEnd);
    }
  }

  /** The socket's own timer runs while no byte comes or goes. It costs nothing per query. */
  #watch(): void {
    const { stream } = this.connection;
    if (!(stream instanceof Socket)) return;
    stream.setTimeout(Math.min(SUSPECT_MS, this.#silenceMs));
    // It also fires while the connection is idle, so it must be heard more than once: the callback of `setTimeout` is not.
    stream.on('timeout', () => {
      if (this.#suspected || !this.#isWaiting()) return;
      this.#suspected = true;
      void this.#suspect(stream).finally(() => (this.#suspected = false));
    });
  }

  /** Cuts the connection once it is known to be dead. Ends when there is a byte again. */
  async #suspect(stream: Socket): Promise<void> {
    const bytes = (): number => stream.bytesRead + stream.bytesWritten;
    const before = bytes();
    // A reader that has not taken what has come makes the silence itself.
    const isSilent = (): boolean =>
      !stream.destroyed && this.#isWaiting() && bytes() === before && stream.readableLength === 0;
    let stepMs = Math.min(SUSPECT_MS, this.#silenceMs);
    const since = performance.now() - stepMs;
    const silentMs = (): number => Math.round(performance.now() - since);
    for (; isSilent(); stepMs = Math.min(2 * stepMs, SUSPECT_MAX_MS)) {
      const isLate = silentMs() >= this.#silenceMs;
      const isDone = isLate || (await askServer(this.#url, this.#pid)) === 'done';
      if (isDone && !isLate) await delay(ON_ITS_WAY_MS, undefined, UNREFERENCED);
      if (isDone && isSilent()) {
        this.cut(silent(silentMs()));
        this.#onSilent?.();
        return;
      }
      await delay(Math.max(0, Math.min(stepMs, this.#silenceMs - silentMs())), undefined, UNREFERENCED);
    }
  }

  /** Whether a statement is on its way. `pg` keeps this to itself. */
  #isWaiting(): boolean {
    return !(this as unknown as { readonly readyForQuery: boolean }).readyForQuery;
  }
}
