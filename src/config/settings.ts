import {
  country,
  currency,
  duration,
  headers,
  integer,
  keyList,
  link,
  longSecrets,
  oneOf,
  origins,
  proxies,
  secret,
  someOf,
  text,
  type Setting,
} from './parsers.ts';

/** The roles of a process; any number of processes may have the same role. */
const ROLES = ['http', 'projector', 'relay', 'handlers', 'deadlines'] as const;
export type ProcessRole = (typeof ROLES)[number];
const WORKERS_MAX = 64;
const JWT_SECRET_BYTES_MIN = 32;
/** The most secrets or keys in a list. */
const KEYS_MAX = 8;
const RATE_MAX_PER_MINUTE = 1_000_000;
/** One host or several, in the form of the EventStoreDB client; KurrentDB's own schemes mean the same. */
const ESDB_URL = /^(?:esdb|kurrentdb|kurrent)(?:\+discover)?:\/\/\S+$/;
/** One server or several, separated by commas. */
const NATS_URLS = /^(?:nats|tls):\/\/[^\s,]+(?:,(?:nats|tls):\/\/[^\s,]+)*$/;
/** A NATS subject, or its first parts. */
const NATS_SUBJECT = /^[\w-]{1,64}(?:\.[\w-]{1,64}){0,7}$/;
const NATS_BYTES_MAX = 2 ** 44;
const NATS_REPLICAS_MAX = 5;
const DAY_MS = 86_400_000;
/** Buckets and regions are parts of addresses. */
const S3_NAME = /^[a-z0-9][a-z0-9.-]{0,62}$/i;
const METRICS_TOKEN = /^[\x21-\x7e]{16,512}$/;
const E_MAIL = /^[^\s@<>]+@[^\s@<>]+$/;
const MAIL_SENDER = /^(?:[^\r\n<>]*<[^\s@<>]+@[^\s@<>]+>|[^\s@<>]+@[^\s@<>]+)$/;

/** The languages that every supported Postgres has a stemmer for, and none. */
const SEARCH_LANGUAGES = [
  ...([
    'simple',
    'arabic',
    'armenian',
    'basque',
    'catalan',
    'danish',
    'dutch',
    'english',
    'finnish',
    'french',
  ] as const),
  ...(['german', 'greek', 'hindi', 'hungarian', 'indonesian', 'irish', 'italian', 'lithuanian', 'nepali'] as const),
  ...(['norwegian', 'portuguese', 'romanian', 'russian', 'serbian', 'spanish', 'swedish', 'tamil', 'turkish'] as const),
  'yiddish',
] as const;

/** Every setting. `.env.example` explains each, and a test keeps the two in step. */
export const SETTINGS = {
  NODE_ENV: oneOf('development', ['development', 'production', 'test']),
  LOG_LEVEL: oneOf('info', ['silent', 'fatal', 'error', 'warn', 'info', 'debug', 'trace']),
  ROLES: someOf(ROLES),
  WORKERS: integer('1', 1, WORKERS_MAX),
  DATA_DIR: text('.data', /\S/, 'the path of a folder'),
  /** Loopback by default, so that a trial cannot be reached from other machines; a container sets 0.0.0.0. */
  HOST: text('127.0.0.1', /^[\w.:-]+$/, 'an address or host name, such as 127.0.0.1 or 0.0.0.0'),
  PORT: integer('8080', 0, 65_535),
  METRICS_PORT: integer(undefined, 1, 65_535),
  METRICS_TOKEN: secret(text(undefined, METRICS_TOKEN, 'a token of 16 or more characters without spaces')),
  TRUST_PROXY: proxies('0', 32),
  /** By default made of `HOST` and `PORT`: see `config.ts`. */
  PUBLIC_URL: link(['http:', 'https:']),
  CORS_ORIGINS: origins(),
  APP_REQUEST_TIMEOUT: duration('30s', 100, 600_000),
  BODY_LIMIT_BYTES: integer('102400', 1_024, 100 * 1024 * 1024),
  UPLOAD_MAX_SIZE: integer('5242880', 1_024, 100 * 1024 * 1024),
  /** By default a folder in `DATA_DIR`. */
  UPLOAD_DIR: text(undefined, /\S/, 'the path of a folder'),
  S3_ENDPOINT: link(['http:', 'https:']),
  S3_BUCKET: text(undefined, S3_NAME, 'the name of a bucket'),
  S3_REGION: text('us-east-1', S3_NAME, 'the name of a region, such as us-east-1'),
  S3_ACCESS_KEY_ID: secret(text(undefined, /^\S+$/, 'a key without spaces')),
  S3_SECRET_ACCESS_KEY: secret(text(undefined, /^\S+$/, 'a key without spaces')),
  RATE_LIMIT_PUBLIC: integer('60', 0, RATE_MAX_PER_MINUTE),
  RATE_LIMIT_AUTH: integer('120', 0, RATE_MAX_PER_MINUTE),
  /** By default ten times `RATE_LIMIT_AUTH`: see `config.ts`. */
  RATE_LIMIT_ADDRESS: integer(undefined, 0, RATE_MAX_PER_MINUTE),
  RATE_LIMIT_LOGIN: integer('10', 0, RATE_MAX_PER_MINUTE),
  RATE_LIMIT_REGISTER: integer('10', 0, RATE_MAX_PER_MINUTE),
  RATE_LIMIT_REFRESH: integer('30', 0, RATE_MAX_PER_MINUTE),
  DATABASE_URL: secret(link(['postgres:', 'postgresql:'])),
  DATABASE_POOL_MAX: integer('8', 2, 1_000),
  EVENTSTORE_URL: secret(text(undefined, ESDB_URL, 'a connection string that starts with esdb:// or esdb+discover://')),
  NEWER_EVENTS: oneOf('stop', ['stop', 'pass']),
  REDIS_URL: secret(link(['redis:', 'rediss:'])),
  NATS_URL: secret(text(undefined, NATS_URLS, 'one or more server URLs that start with nats:// or tls://')),
  NATS_PREFIX: text('cartulary', NATS_SUBJECT, 'the beginning of subjects, such as cartulary or shops.east'),
  NATS_MAX_AGE: duration('168h', 120_000, 365 * DAY_MS),
  NATS_MAX_BYTES: integer('1073741824', 0, NATS_BYTES_MAX),
  NATS_REPLICAS: integer('1', 1, NATS_REPLICAS_MAX),
  JWT_SECRET: longSecrets(JWT_SECRET_BYTES_MIN, KEYS_MAX),
  MASTER_KEY: keyList(KEYS_MAX),
  JWT_ACCESS_EXPIRY: duration('15m', 1_000, DAY_MS),
  JWT_REFRESH_EXPIRY: duration('168h', 1_000, 365 * DAY_MS),
  PASSWORD_MIN_LENGTH: integer('8', 6, 64),
  PASSWORD_BLOCKLIST: oneOf('on', ['on', 'off']),
  REQUIRE_VERIFIED_EMAIL: oneOf('false', ['false', 'true']),
  REQUIRE_SECOND_FACTOR: oneOf('nobody', ['nobody', 'admin']),
  BCRYPT_COST: integer('10', 4, 16),
  ADMIN_EMAIL: text(undefined, E_MAIL, 'an e-mail address'),
  ADMIN_PASSWORD: secret(text(undefined, /^[^\0]+$/, 'a password')),
  CURRENCY: currency('USD'),
  PHONE_DEFAULT_COUNTRY: country(),
  SEARCH_LANGUAGE: oneOf('english', SEARCH_LANGUAGES),
  CHECKOUT_DEADLINE: duration('30s', 100, DAY_MS),
  UNPAID_ORDERS_MAX: integer('5', 0, 1_000),
  UNPAID_UNITS_MAX: integer('100', 0, 1_000_000),
  PAYMENT_METHOD_DEFAULT: text('sandbox', /^[a-z][a-z0-9_]{0,63}$/, 'the name of a payment method, such as sandbox'),
  PAYMENT_DEADLINE: duration('15m', 100, 30 * DAY_MS),
  PAYMENT_SANDBOX_DELAY: duration('200ms', 0, 60_000),
  SMTP_URL: secret(link(['smtp:', 'smtps:'])),
  MAIL_FROM: text('Cartulary <shop@localhost>', MAIL_SENDER, 'an address such as Shop <shop@example.com>'),
  OTEL_EXPORTER_OTLP_ENDPOINT: link(['http:', 'https:']),
  OTEL_EXPORTER_OTLP_HEADERS: secret(headers()),
  OTEL_SERVICE_NAME: text('cartulary', /^\S{1,255}$/, 'a name without spaces'),
  OTEL_TRACES_SAMPLER_ARG: text('1', /^(?:0(?:\.\d{1,9})?|1(?:\.0{1,9})?)$/, 'a ratio from 0 to 1'),
  FAILPOINT: text(undefined, /^(?:[\w.:-]+(?:#[1-9]\d{0,8})?|@\/.+)$/, 'the name of a failpoint, name#pass, or @file'),
} satisfies Record<string, Setting<unknown>>;

export type SettingName = keyof typeof SETTINGS;
type ValueOf<S> = S extends Setting<infer T, infer F> ? (undefined extends F ? T | undefined : T) : never;
export type Values = { readonly [Name in SettingName]: ValueOf<(typeof SETTINGS)[Name]> };
