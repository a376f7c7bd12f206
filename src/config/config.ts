import { readFileSync } from 'node:fs';
import path from 'node:path';
import { readDotEnv } from './dotenv.ts';
import { inOwnNames } from './otherNames.ts';
import { emptyIn, slipsIn, strangersIn } from './names.ts';
import type { Setting } from './parsers.ts';
import { RULES } from './rules.ts';
import { publicUrlOf, signInOf } from './people.ts';
import { uploadsOf } from './uploads.ts';
import { SETTINGS, type SettingName, type Values } from './settings.ts';

/** The exit code when the settings are wrong (sysexits EX_CONFIG). */
export const CONFIG_EXIT_CODE = 78;

/** How many busy accounts one network may have, unless `RATE_LIMIT_ADDRESS` is set. */
const ACCOUNTS_PER_ADDRESS = 10;

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

const metricsOf = (values: Values) => ({
  /** Undefined means that they have no port of their own. */
  port: values.METRICS_PORT,
  token: values.METRICS_TOKEN,
  openByDefault: values.NODE_ENV !== 'production',
});

/** Undefined means no tracing. */
const tracingOf = (values: Values) =>
  values.OTEL_EXPORTER_OTLP_ENDPOINT === undefined
    ? undefined
    : {
        endpoint: values.OTEL_EXPORTER_OTLP_ENDPOINT,
        headers: values.OTEL_EXPORTER_OTLP_HEADERS ?? {},
        serviceName: values.OTEL_SERVICE_NAME,
        sampleRatio: Number(values.OTEL_TRACES_SAMPLER_ARG),
      };

const shopOf = (values: Values) => ({
  currency: values.CURRENCY,
  searchLanguage: values.SEARCH_LANGUAGE,
  checkoutDeadlineMs: values.CHECKOUT_DEADLINE,
  /** Undefined means that a phone number needs its country code. */
  phoneDefaultCountry: values.PHONE_DEFAULT_COUNTRY,
  /** 0 means no bound. */
  unpaidBounds: { ordersMax: values.UNPAID_ORDERS_MAX, unitsMax: values.UNPAID_UNITS_MAX },
});

const rateLimitsOf = (values: Values) => ({
  public: values.RATE_LIMIT_PUBLIC,
  auth: values.RATE_LIMIT_AUTH,
  /** Signed-in callers of one network together. */
  address: values.RATE_LIMIT_ADDRESS ?? values.RATE_LIMIT_AUTH * ACCOUNTS_PER_ADDRESS,
  login: values.RATE_LIMIT_LOGIN,
  register: values.RATE_LIMIT_REGISTER,
  refresh: values.RATE_LIMIT_REFRESH,
});

/** All durations are in milliseconds; all rate limits are requests per minute (0 means no limit). */
const grouped = (values: Values) => ({
  production: values.NODE_ENV === 'production',
  logLevel: values.LOG_LEVEL,
  roles: values.ROLES,
  /** The number of processes that serve HTTP; above 1, all other roles share one more process. */
  workers: values.WORKERS,
  /** An absolute path. */
  dataDir: path.resolve(values.DATA_DIR),
  failpoint: values.FAILPOINT,
  http: {
    host: values.HOST,
    /** 0 means any free port. */
    port: values.PORT,
    trustProxy: values.TRUST_PROXY,
    corsOrigins: values.CORS_ORIGINS,
    requestTimeoutMs: values.APP_REQUEST_TIMEOUT,
    bodyLimitBytes: values.BODY_LIMIT_BYTES,
  },
  uploads: uploadsOf(values),
  metrics: metricsOf(values),
  rateLimits: rateLimitsOf(values),
  database: {
    /** Undefined means the embedded Postgres; see `platform/postgres/database.ts`. */
    url: values.DATABASE_URL,
    poolMax: values.DATABASE_POOL_MAX,
  },
  /** Undefined means that the log is in Postgres. */
  eventStoreUrl: values.EVENTSTORE_URL,
  /** The treatment of an event that only a newer version knows, by followers. */
  newerEvents: values.NEWER_EVENTS,
  /** Undefined means that each process keeps its own cache and rate limits. */
  redisUrl: values.REDIS_URL,
  /** One or more servers; undefined means the bus on Postgres. */
  natsUrls: values.NATS_URL?.split(','),
  natsStream: {
    prefix: values.NATS_PREFIX,
    maxAgeMs: values.NATS_MAX_AGE,
    /** -1 means no limit. */
    maxBytes: values.NATS_MAX_BYTES === 0 ? -1 : values.NATS_MAX_BYTES,
    replicas: values.NATS_REPLICAS,
  },
  auth: {
    /** When undefined, it is generated and kept in the data folder; see `platform/secrets.ts`. */
    jwtSecret: values.JWT_SECRET,
    /** The first key of the list wraps. */
    masterKey: values.MASTER_KEY?.[0],
    /** The others still unwrap. */
    formerMasterKeys: values.MASTER_KEY?.slice(1) ?? [],
    accessTtlMs: values.JWT_ACCESS_EXPIRY,
    refreshTtlMs: values.JWT_REFRESH_EXPIRY,
    passwordMinLength: values.PASSWORD_MIN_LENGTH,
    passwordBlocklist: values.PASSWORD_BLOCKLIST === 'on',
    bcryptCost: values.BCRYPT_COST,
  },
  /** The demands of a login beside the password. */
  signIn: signInOf(values),
  /** The first administrator, created at start when there is none. */
  admin:
    values.ADMIN_EMAIL === undefined || values.ADMIN_PASSWORD === undefined
      ? undefined
      : { email: values.ADMIN_EMAIL, password: values.ADMIN_PASSWORD },
  shop: shopOf(values),
  payment: {
    methodDefault: values.PAYMENT_METHOD_DEFAULT,
    deadlineMs: values.PAYMENT_DEADLINE,
    sandboxDelayMs: values.PAYMENT_SANDBOX_DELAY,
  },
  mail: { smtpUrl: values.SMTP_URL, from: values.MAIL_FROM, publicUrl: publicUrlOf(values) },
  tracing: tracingOf(values),
});

/** Freezes a value deeply, except buffers, which cannot be frozen. */
const frozen = <T extends object>(value: T): T => {
  if (ArrayBuffer.isView(value)) return value;
  for (const part of Object.values(value) as unknown[]) {
    if (typeof part === 'object' && part !== null) frozen(part);
  }
  return Object.freeze(value);
};

const given = (value: string | undefined): string | undefined => (value?.trim() === '' ? undefined : value?.trim());

/** The text of a setting: from its variable, or for a secret from the file that NAME_FILE names. */
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

/** The process's environment, which overrides a `.env` file in `dir` (by default the working directory), if there is one. */
export function environment(dir = process.cwd()): Environment {
  const { values, problems } = readDotEnv(dir);
  const all = [
    ...problems.map(({ line, reason }) => ({ name: `.env line ${line}`, reason })),
    ...slipsIn(Object.keys(values)).map(({ name, reason }) => ({ name, reason: `in .env ${reason}` })),
  ];
  if (all.length > 0) throw new ConfigError(all);
  return { ...values, ...process.env };
}

/**
 * Settings that were given and have no effect, a sentence each; a start logs them. A name in the process's environment is only remarked on,
 * because it can be another program's; in `.env`, a slip of a setting is refused.
 */
export function remarksOnSettings(dir = process.cwd(), given: Environment = process.env): string[] {
  const { values, repeated } = readDotEnv(dir);
  const remarks = [
    ...slipsIn(Object.keys(given)),
    ...strangersIn(Object.keys(values)),
    ...emptyIn({ ...values, ...given }),
  ];
  return [
    ...remarks.map(({ name, reason }) => `${name} ${reason}`),
    ...repeated.map((name) => `${name} is set more than once in .env: only the last value counts`),
  ];
}

/** Returns one frozen, validated object, or throws a `ConfigError` with every problem. An empty value counts as not set. */
export function loadConfig(given: Environment = environment()): Config {
  const env = inOwnNames(given);
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
  for (const rule of RULES) {
    const judged = rule.name in values && rule.with in values;
    if (judged && rule.holds(valid)) problems.push({ name: rule.name, reason: rule.reason });
  }
  if (problems.length > 0) throw new ConfigError(problems);
  return frozen(grouped(valid));
}

/** Whether errors are shown with their stack. It works even when the settings cannot be loaded. */
export function isDebugging(): boolean {
  try {
    return ['debug', 'trace'].includes(environment()['LOG_LEVEL'] ?? '');
  } catch {
    return false;
  }
}
