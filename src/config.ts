import { readFileSync } from 'node:fs';
import path from 'node:path';
import { parseEnv } from 'node:util';
import { CONTRADICTIONS } from './contradictions.ts';
import {
  currency,
  duration,
  headers,
  integer,
  keyBytes,
  link,
  longSecret,
  oneOf,
  origins,
  proxies,
  secret,
  someOf,
  text,
  type Setting,
} from './settings.ts';

/** What a process answers when its settings are wrong (sysexits EX_CONFIG). */
export const CONFIG_EXIT_CODE = 78;

/** What a process may do; each by any number of processes. */
const ROLES = ['http', 'projector', 'relay', 'handlers', 'deadlines'] as const;
export type Role = (typeof ROLES)[number];
const WORKERS_MAX = 64;
const JWT_SECRET_BYTES_MIN = 32;
const RATE_MAX_PER_MINUTE = 1_000_000;
/** One host or several, as the client of EventStoreDB reads it; KurrentDB's own scheme means the same. */
const ESDB_URL = /^(?:esdb|kurrentdb|kurrent)(?:\+discover)?:\/\/\S+$/;
/** A list with commas, as clusters are given. */
const NATS_URLS = /^(?:nats|tls):\/\/[^\s,]+(?:,(?:nats|tls):\/\/[^\s,]+)*$/;
/** A subject of NATS, or the first parts of one. */
const NATS_SUBJECT = /^[\w-]{1,64}(?:\.[\w-]{1,64}){0,7}$/;
const NATS_BYTES_MAX = 2 ** 44;
const NATS_REPLICAS_MAX = 5;
const DAY_MS = 86_400_000;
const E_MAIL = /^[^\s@<>]+@[^\s@<>]+$/;
const MAIL_SENDER = /^(?:[^\r\n<>]*<[^\s@<>]+@[^\s@<>]+>|[^\s@<>]+@[^\s@<>]+)$/;

/** Every setting there is; `.env.example` says what each means, and a test holds the two together. */
export const SETTINGS = {
  NODE_ENV: oneOf('development', ['development', 'production', 'test']),
  LOG_LEVEL: oneOf('info', ['silent', 'fatal', 'error', 'warn', 'info', 'debug', 'trace']),
  ROLES: someOf(ROLES),
  WORKERS: integer('1', 1, WORKERS_MAX),
  DATA_DIR: text('.data', /\S/, 'the path of a folder'),
  /** Loopback unless said otherwise, so that a trial is open to nobody; a container sets 0.0.0.0. */
  HOST: text('127.0.0.1', /^[\w.:-]+$/, 'an address or host name, such as 127.0.0.1 or 0.0.0.0'),
  PORT: integer('8080', 0, 65_535),
  TRUST_PROXY: proxies('0', 32),
  CORS_ORIGINS: origins(),
  APP_REQUEST_TIMEOUT: duration('30s', 100, 600_000),
  BODY_LIMIT_BYTES: integer('102400', 1_024, 100 * 1024 * 1024),
  RATE_LIMIT_PUBLIC: integer('60', 0, RATE_MAX_PER_MINUTE),
  RATE_LIMIT_AUTH: integer('120', 0, RATE_MAX_PER_MINUTE),
  RATE_LIMIT_LOGIN: integer('10', 0, RATE_MAX_PER_MINUTE),
  RATE_LIMIT_REGISTER: integer('10', 0, RATE_MAX_PER_MINUTE),
  RATE_LIMIT_REFRESH: integer('30', 0, RATE_MAX_PER_MINUTE),
  DATABASE_URL: secret(link(['postgres:', 'postgresql:'])),
  DATABASE_POOL_MAX: integer('20', 2, 1_000),
  EVENTSTORE_URL: secret(text(undefined, ESDB_URL, 'a connection string that starts with esdb:// or esdb+discover://')),
  REDIS_URL: secret(link(['redis:', 'rediss:'])),
  NATS_URL: secret(text(undefined, NATS_URLS, 'one or more server URLs that start with nats:// or tls://')),
  NATS_PREFIX: text('cartulary', NATS_SUBJECT, 'the beginning of subjects, such as cartulary or shops.east'),
  NATS_MAX_AGE: duration('168h', 120_000, 365 * DAY_MS),
  NATS_MAX_BYTES: integer('1073741824', 0, NATS_BYTES_MAX),
  NATS_REPLICAS: integer('1', 1, NATS_REPLICAS_MAX),
  JWT_SECRET: longSecret(JWT_SECRET_BYTES_MIN),
  MASTER_KEY: keyBytes(),
  JWT_ACCESS_EXPIRY: duration('15m', 1_000, DAY_MS),
  JWT_REFRESH_EXPIRY: duration('168h', 1_000, 365 * DAY_MS),
  PASSWORD_MIN_LENGTH: integer('8', 8, 64),
  PASSWORD_BLOCKLIST: oneOf('on', ['on', 'off']),
  BCRYPT_COST: integer('10', 4, 16),
  ADMIN_EMAIL: text(undefined, E_MAIL, 'an e-mail address'),
  ADMIN_PASSWORD: secret(text(undefined, /^[^\0]+$/, 'a password')),
  CURRENCY: currency('USD'),
  CHECKOUT_DEADLINE: duration('30s', 100, DAY_MS),
  PAYMENT_METHOD_DEFAULT: text('sandbox', /^[a-z][a-z0-9_]{0,63}$/, 'the name of a payment method, such as sandbox'),
  PAYMENT_DEADLINE: duration('15m', 100, 30 * DAY_MS),
  PAYMENT_SANDBOX_DELAY: duration('200ms', 0, 60_000),
  SMTP_URL: secret(link(['smtp:', 'smtps:'])),
  MAIL_FROM: text('Cartulary <shop@localhost>', MAIL_SENDER, 'an address such as Shop <shop@example.com>'),
  OTEL_EXPORTER_OTLP_ENDPOINT: link(['http:', 'https:']),
  OTEL_EXPORTER_OTLP_HEADERS: secret(headers()),
  OTEL_SERVICE_NAME: text('cartulary', /^\S{1,255}$/, 'a name without spaces'),
  OTEL_TRACES_SAMPLER_ARG: text('1', /^(?:0(?:\.\d{1,9})?|1(?:\.0{1,9})?)$/, 'a ratio from 0 to 1'),
  FAILPOINT: text(undefined, /^[\w.:-]+(#[1-9]\d{0,8})?$/, 'the name of a failpoint, or name#pass'),
} satisfies Record<string, Setting<unknown>>;

export type SettingName = keyof typeof SETTINGS;
type ValueOf<S> = S extends Setting<infer T, infer F> ? (undefined extends F ? T | undefined : T) : never;
export type Values = { readonly [Name in SettingName]: ValueOf<(typeof SETTINGS)[Name]> };
export type Environment = Readonly<Record<string, string | undefined>>;
export interface ConfigProblem {
  readonly name: string;
  readonly reason: string;
}

/** The settings are wrong; carries every problem, not just the first. */
export class ConfigError extends Error {
  readonly problems: readonly ConfigProblem[];

  constructor(problems: readonly ConfigProblem[]) {
    super(['Invalid settings:', ...problems.map(({ name, reason }) => `  ${name} ${reason}`)].join('\n'));
    this.name = 'ConfigError';
    this.problems = problems;
  }
}

export type Config = ReturnType<typeof grouped>;

/** All durations are milliseconds, all rate limits requests per minute (0 is off). */
const grouped = (values: Values) => ({
  production: values.NODE_ENV === 'production',
  logLevel: values.LOG_LEVEL,
  roles: values.ROLES,
  /** Processes that serve HTTP; above 1, each is a process of its own, and what else there is to do has another. */
  workers: values.WORKERS,
  /** Absolute. */
  dataDir: path.resolve(values.DATA_DIR),
  failpoint: values.FAILPOINT,
  http: {
    host: values.HOST,
    /** 0 is any free port. */
    port: values.PORT,
    trustProxy: values.TRUST_PROXY,
    corsOrigins: values.CORS_ORIGINS,
    requestTimeoutMs: values.APP_REQUEST_TIMEOUT,
    bodyLimitBytes: values.BODY_LIMIT_BYTES,
  },
  rateLimits: {
    public: values.RATE_LIMIT_PUBLIC,
    auth: values.RATE_LIMIT_AUTH,
    login: values.RATE_LIMIT_LOGIN,
    register: values.RATE_LIMIT_REGISTER,
    refresh: values.RATE_LIMIT_REFRESH,
  },
  database: {
    /** Undefined is the embedded Postgres; see `postgres/database.ts`. */
    url: values.DATABASE_URL,
    poolMax: values.DATABASE_POOL_MAX,
  },
  /** Undefined is the log in Postgres. */
  eventStoreUrl: values.EVENTSTORE_URL,
  /** Undefined is what each process keeps by itself. */
  redisUrl: values.REDIS_URL,
  /** Undefined is the bus on Postgres; else one or more servers. */
  natsUrls: values.NATS_URL?.split(','),
  natsStream: {
    prefix: values.NATS_PREFIX,
    maxAgeMs: values.NATS_MAX_AGE,
    /** -1 is no limit. */
    maxBytes: values.NATS_MAX_BYTES === 0 ? -1 : values.NATS_MAX_BYTES,
    replicas: values.NATS_REPLICAS,
  },
  auth: {
    /** Undefined is made and kept in the data folder; see `secrets.ts`. */
    jwtSecret: values.JWT_SECRET,
    masterKey: values.MASTER_KEY,
    accessTtlMs: values.JWT_ACCESS_EXPIRY,
    refreshTtlMs: values.JWT_REFRESH_EXPIRY,
    passwordMinLength: values.PASSWORD_MIN_LENGTH,
    passwordBlocklist: values.PASSWORD_BLOCKLIST === 'on',
    bcryptCost: values.BCRYPT_COST,
  },
  /** The first administrator, made at start when there is none. */
  admin:
    values.ADMIN_EMAIL === undefined || values.ADMIN_PASSWORD === undefined
      ? undefined
      : { email: values.ADMIN_EMAIL, password: values.ADMIN_PASSWORD },
  shop: { currency: values.CURRENCY, checkoutDeadlineMs: values.CHECKOUT_DEADLINE },
  payment: {
    methodDefault: values.PAYMENT_METHOD_DEFAULT,
    deadlineMs: values.PAYMENT_DEADLINE,
    sandboxDelayMs: values.PAYMENT_SANDBOX_DELAY,
  },
  mail: { smtpUrl: values.SMTP_URL, from: values.MAIL_FROM },
  /** Undefined is none. */
  tracing:
    values.OTEL_EXPORTER_OTLP_ENDPOINT === undefined
      ? undefined
      : {
          endpoint: values.OTEL_EXPORTER_OTLP_ENDPOINT,
          headers: values.OTEL_EXPORTER_OTLP_HEADERS ?? {},
          serviceName: values.OTEL_SERVICE_NAME,
          sampleRatio: Number(values.OTEL_TRACES_SAMPLER_ARG),
        },
});

/** Freezes all of it but buffers, which cannot be frozen. */
const frozen = <T extends object>(value: T): T => {
  if (ArrayBuffer.isView(value)) return value;
  for (const part of Object.values(value) as unknown[]) {
    if (typeof part === 'object' && part !== null) frozen(part);
  }
  return Object.freeze(value);
};

const given = (value: string | undefined): string | undefined => (value?.trim() === '' ? undefined : value?.trim());

/** The text of a setting: its variable, or for a secret the content of the file its NAME_FILE names. */
function textOf(env: Environment, name: SettingName): string | undefined {
  const inline = given(env[name]);
  const file = SETTINGS[name].secret ? given(env[`${name}_FILE`]) : undefined;
  if (file === undefined) return inline;
  if (inline !== undefined) throw new Error(`is set twice: leave out ${name} or ${name}_FILE`);
  let content: string;
  try {
    content = readFileSync(file, 'utf8');
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'unknown error';
    throw new Error(`cannot be read from the file of ${name}_FILE (${code})`, { cause: error });
  }
  const kept = given(content);
  if (kept === undefined) throw new Error(`is empty in the file of ${name}_FILE`);
  return kept;
}

/** The process's environment over a `.env` file in the working directory, if there is one. */
export function environment(dir = process.cwd()): Environment {
  let kept: Environment = {};
  try {
    kept = parseEnv(readFileSync(path.join(dir, '.env'), 'utf8'));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  return { ...kept, ...process.env };
}

/** One frozen, validated object, or a `ConfigError` that names everything wrong at once. An empty value is no value. */
export function loadConfig(env: Environment = environment()): Config {
  const values: Record<string, unknown> = {};
  const problems: ConfigProblem[] = [];
  for (const [name, setting] of Object.entries(SETTINGS) as [SettingName, Setting<unknown>][]) {
    try {
      const kept = textOf(env, name) ?? setting.fallback;
      values[name] = kept === undefined ? undefined : setting.parse(kept);
    } catch (error) {
      problems.push({ name, reason: (error as Error).message });
    }
  }
  const valid = values as Values;
  for (const rule of CONTRADICTIONS) {
    const judged = rule.name in values && rule.with in values;
    if (judged && rule.holds(valid)) problems.push({ name: rule.name, reason: rule.reason });
  }
  if (problems.length > 0) throw new ConfigError(problems);
  return frozen(grouped(valid));
}

/** Whether errors are to be shown with their stack; asked before, and even when, the settings cannot be loaded. */
export function isDebugging(): boolean {
  try {
    return ['debug', 'trace'].includes(environment()['LOG_LEVEL'] ?? '');
  } catch {
    return false;
  }
}
