import type { ProcessRole, SettingName, Values } from './settings.ts';

interface Rule {
  readonly name: SettingName;
  readonly with: SettingName;
  readonly reason: string;
  holds(values: Values): boolean;
}

/** A shop needs each of these in some process. It needs the relay only with NATS. */
const ROLES_OF_A_SHOP: readonly ProcessRole[] = ['http', 'projector', 'handlers', 'deadlines'];

const BUCKET = ['S3_ENDPOINT', 'S3_BUCKET', 'S3_ACCESS_KEY_ID', 'S3_SECRET_ACCESS_KEY'] as const;

/** Each setting of a bucket needs the others. */
const bucketRules: readonly Rule[] = BUCKET.flatMap((name) =>
  BUCKET.filter((other) => other !== name).map((other) => ({
    ...{ name, with: other, reason: `is missing: ${other} is set` },
    holds: (values: Values) => values[other] !== undefined && values[name] === undefined,
  })),
);

/** Pairs of settings that are wrong together. Each is judged only when both settings are valid by themselves. */
export const RULES: readonly Rule[] = [
  ...bucketRules,
  {
    name: 'ADMIN_PASSWORD',
    with: 'ADMIN_EMAIL',
    reason: 'is missing: ADMIN_EMAIL is set',
    holds: (values) => values.ADMIN_EMAIL !== undefined && values.ADMIN_PASSWORD === undefined,
  },
  {
    name: 'ADMIN_EMAIL',
    with: 'ADMIN_PASSWORD',
    reason: 'is missing: ADMIN_PASSWORD is set',
    holds: (values) => values.ADMIN_EMAIL === undefined && values.ADMIN_PASSWORD !== undefined,
  },
  {
    name: 'ADMIN_PASSWORD',
    with: 'PASSWORD_MIN_LENGTH',
    reason: 'is shorter than PASSWORD_MIN_LENGTH',
    holds: (values) => (values.ADMIN_PASSWORD?.length ?? Infinity) < values.PASSWORD_MIN_LENGTH,
  },
  {
    name: 'WORKERS',
    with: 'ROLES',
    reason: 'sets how many processes serve HTTP, but ROLES does not include http',
    holds: (values) => values.WORKERS > 1 && !values.ROLES.includes('http'),
  },
  {
    name: 'METRICS_PORT',
    with: 'PORT',
    reason: 'must not be PORT: it is a port of its own',
    holds: (values) => values.METRICS_PORT === values.PORT,
  },
  {
    name: 'ROLES',
    with: 'DATABASE_URL',
    reason:
      'leaves out roles that no other process can take, because no other process can use the embedded Postgres: set DATABASE_URL',
    holds: (values) =>
      values.DATABASE_URL === undefined && ROLES_OF_A_SHOP.some((role) => !values.ROLES.includes(role)),
  },
  {
    name: 'ROLES',
    with: 'NATS_URL',
    reason: 'names only the relay, which has nothing to do without NATS_URL',
    holds: (values) => values.NATS_URL === undefined && values.ROLES.every((role) => role === 'relay'),
  },
  {
    name: 'FAILPOINT',
    with: 'NODE_ENV',
    reason: 'kills the process and is refused in production',
    holds: (values) => values.FAILPOINT !== undefined && values.NODE_ENV === 'production',
  },
  {
    name: 'JWT_ACCESS_EXPIRY',
    with: 'JWT_REFRESH_EXPIRY',
    reason: 'must not be longer than JWT_REFRESH_EXPIRY',
    holds: (values) => values.JWT_ACCESS_EXPIRY > values.JWT_REFRESH_EXPIRY,
  },
];
