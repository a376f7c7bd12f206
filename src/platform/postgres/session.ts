import { Socket } from 'node:net';
import pg from 'pg';

export const CONNECT_TIMEOUT_MS = 5_000;
/** A connection that does not say goodbye within this time is cut. */
const END_TIMEOUT_MS = 1_000;
/** The server reports a statement timeout itself. This much later, silence means that the connection is dead. */
const SILENCE_MARGIN_MS = 1_000;
/** Silence that ends a connection without a statement timeout: a bulk statement, such as a new index, may take long. */
const BULK_SILENCE_MS = 30 * 60_000;

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
  return `SELECT ${settings.join(', ')}`;
}

type OnConnect = (error: Error | null, client?: pg.Client) => void;

const silenceOf = ({ silenceMs, statementTimeoutMs }: SessionConfig['session']): number =>
  silenceMs ?? (statementTimeoutMs === 0 ? BULK_SILENCE_MS : statementTimeoutMs + SILENCE_MARGIN_MS);

/** The server has not answered for too long, although the connection looks open. */
const silent = (ms: number): Error =>
  Object.assign(new Error(`Postgres has been silent for ${ms} ms: the connection was cut`), { code: 'ETIMEDOUT' });

/**
 * The shop's only kind of connection to Postgres. It pins its settings before its first use, by a statement and not in the
 * startup message, because PgBouncer refuses a startup message with settings. A connection on which a statement gets no answer
 * is cut, because a network can swallow a connection without a sign. A broken connection fails its queries and never the
 * process.
 */
export class Session extends pg.Client {
  readonly #pin: string;
  readonly #connectMs: number;
  readonly #silenceMs: number;

  constructor(config: SessionConfig) {
    super(config);
    this.#pin = pinSql(config);
    this.#connectMs = config.connectionTimeoutMillis ?? CONNECT_TIMEOUT_MS;
    this.#silenceMs = silenceOf(config.session);
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

  async #open(): Promise<pg.Client> {
    const late = setTimeout(() => this.cut(silent(this.#connectMs)), this.#connectMs);
    try {
      await super.connect();
      await this.query(this.#pin);
      this.#watch();
      return this;
    } catch (error) {
      this.cut();
      throw error;
    } finally {
      clearTimeout(late);
    }
  }

  /** The socket's own timer runs while no byte comes or goes. It costs nothing per query. */
  #watch(): void {
    const { stream } = this.connection;
    if (!(stream instanceof Socket)) return;
    stream.setTimeout(this.#silenceMs);
    // It also fires while the connection is idle, so it must be heard more than once: the callback of `setTimeout` is not.
    stream.on('timeout', () => {
      // A reader that has not taken what has come makes the silence itself.
      if (this.#isWaiting() && stream.readableLength === 0) this.cut(silent(this.#silenceMs));
    });
  }

  /** Whether a statement is on its way. `pg` keeps this to itself. */
  #isWaiting(): boolean {
    return !(this as unknown as { readonly readyForQuery: boolean }).readyForQuery;
  }
}
