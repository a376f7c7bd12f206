import { isIP } from 'node:net';
import { isSupportedCountry } from 'libphonenumber-js/max';

/**
 * How one environment variable is read. `parse` throws a plain Error whose message completes "NAME …" ("must be …");
 * it never repeats the value of a secret.
 */
export interface Setting<T, Fallback extends string | undefined = string | undefined> {
  readonly fallback: Fallback;
  /** May also be given as NAME_FILE, the path of a file that holds it. */
  readonly secret: boolean;
  parse(text: string): T;
}

const UNITS_MS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const MASTER_KEY_BYTES = 32;

const setting = <T, const F extends string | undefined>(fallback: F, parse: (text: string) => T): Setting<T, F> => ({
  fallback,
  secret: false,
  parse,
});

export const secret = <T, F extends string | undefined>(of: Setting<T, F>): Setting<T, F> => ({ ...of, secret: true });

export const text = <const F extends string | undefined>(fallback: F, pattern: RegExp, wanted: string) =>
  setting(fallback, (value) => {
    if (!pattern.test(value)) throw new Error(`must be ${wanted}`);
    return value;
  });

export const integer = <const F extends string | undefined>(fallback: F, min: number, max: number) =>
  setting(fallback, (value) => {
    const number = /^\d{1,15}$/.test(value) ? Number(value) : NaN;
    if (!(number >= min && number <= max)) throw new Error(`must be a whole number from ${min} to ${max}`);
    return number;
  });

/** In the largest unit that makes it a whole number: `30s`, `365d`. */
const durationText = (ms: number): string => {
  const [unit, size] = Object.entries(UNITS_MS).findLast(([, one]) => ms >= one && ms % one === 0) ?? ['ms', 1];
  return `${ms / size}${unit}`;
};

/** A number with its unit (`200ms`, `30s`, `15m`, `168h`, `7d`), read as milliseconds. */
export const duration = (fallback: string, minMs: number, maxMs: number) =>
  setting(fallback, (value) => {
    const [, number = '', unit = ''] = /^(\d{1,9})(ms|s|m|h|d)$/.exec(value) ?? [];
    const ms = Number(number) * (UNITS_MS[unit] ?? NaN);
    if (Number.isNaN(ms)) throw new Error('must be a duration with its unit, such as 200ms, 30s, 15m, 168h or 7d');
    if (ms < minMs || ms > maxMs)
      throw new Error(`must be a duration from ${durationText(minMs)} to ${durationText(maxMs)}`);
    return ms;
  });

export const oneOf = <const Choice extends string, const F extends Choice>(fallback: F, choices: readonly Choice[]) =>
  setting(fallback, (value) => {
    const found = choices.find((choice) => choice === value);
    if (found === undefined) throw new Error(`must be one of ${choices.join(', ')}`);
    return found;
  });

/** A list of choices, separated by commas. The result has each choice once, in the order of `choices`. */
export const someOf = <const Choice extends string>(choices: readonly Choice[]) =>
  setting(choices.join(','), (value): readonly Choice[] => {
    const named = listOf(value);
    const unknown = named.filter((name) => !(choices as readonly string[]).includes(name));
    if (unknown.length > 0) throw new Error(`must name some of ${choices.join(', ')} (not: ${unknown.join(', ')})`);
    if (named.length === 0) throw new Error(`must name at least one of ${choices.join(', ')}`);
    return choices.filter((choice) => named.includes(choice));
  });

export const link = (protocols: readonly string[]) =>
  setting(undefined, (value) => {
    const url = parsed(value);
    if (url === undefined || !protocols.includes(url.protocol)) {
      throw new Error(`must be a URL that starts with ${protocols.map((protocol) => `${protocol}//`).join(' or ')}`);
    }
    return value;
  });

const parsed = (value: string): URL | undefined => (URL.canParse(value) ? new URL(value) : undefined);

const listOf = (value: string): string[] =>
  value
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');

/** `name=value,other=value`, values percent-encoded where they hold a comma or a space. */
export const headers = () =>
  setting(undefined, (value): Readonly<Record<string, string>> => {
    const list = listOf(value).map((part) => /^([\w-]+)=(\S*)$/.exec(part));
    try {
      return Object.fromEntries(list.map((found) => [found![1]!, decodeURIComponent(found![2]!)]));
    } catch {
      throw new Error('must be a list of headers such as name=value,other=value, percent-encoded');
    }
  });

export const origins = () =>
  setting('', (value) => {
    const wrong = listOf(value).filter((origin) => {
      const url = parsed(origin);
      return url === undefined || !/^https?:$/.test(url.protocol) || url.origin !== origin.toLowerCase();
    });
    if (wrong.length > 0) {
      throw new Error(
        `must be a list of origins such as https://shop.example, without paths (not: ${wrong.join(', ')})`,
      );
    }
    return listOf(value).map((origin) => origin.toLowerCase());
  });

const NAMED_RANGES = new Set(['loopback', 'linklocal', 'uniquelocal']);

const isAddressRange = (value: string): boolean => {
  const [address = '', bits, ...more] = value.split('/');
  const family = isIP(address);
  if (family === 0 || more.length > 0) return false;
  return bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (family === 4 ? 32 : 128));
};

/** The number of proxies in front of the server, or their addresses: Express's `trust proxy`. */
export const proxies = (fallback: string, hopsMax: number) =>
  setting(fallback, (value): number | readonly string[] => {
    if (/^\d{1,3}$/.test(value) && Number(value) <= hopsMax) return Number(value);
    const list = listOf(value);
    if (list.length > 0 && list.every((part) => NAMED_RANGES.has(part) || isAddressRange(part))) return list;
    throw new Error(`must be a number of proxies (0 to ${hopsMax}) or a list of their addresses, such as 10.0.0.0/8`);
  });

/** A country in which the library of phone numbers knows numbers. */
export const country = () =>
  setting(undefined, (value) => {
    if (!isSupportedCountry(value)) throw new Error('must be the code of a country (ISO 3166-1), such as GB');
    return value;
  });

export const currency = (fallback: string) =>
  setting(fallback, (value) => {
    if (!Intl.supportedValuesOf('currency').includes(value)) {
      throw new Error('must be an ISO 4217 currency code, such as USD or EUR');
    }
    return value;
  });

/** A secret, or a list of secrets separated by commas. Parts that are all short are one secret that holds commas. */
export const longSecrets = (bytesMin: number, secretsMax: number) =>
  secret(
    setting(undefined, (value) => {
      if (Buffer.byteLength(value) < bytesMin) throw new Error(`must be at least ${bytesMin} bytes long`);
      const long = value.split(',').map((part) => Buffer.byteLength(part.trim()) >= bytesMin);
      if (long.includes(true) && long.includes(false)) {
        throw new Error(`must be one secret, or a list in which each is at least ${bytesMin} bytes long`);
      }
      if (long.includes(true) && long.length > secretsMax) throw new Error(`must list at most ${secretsMax} secrets`);
      return value;
    }),
  );

function keyBytes(value: string): Buffer {
  if (/^[0-9a-f]{64}$/i.test(value)) return Buffer.from(value, 'hex');
  const bytes = /^[A-Za-z0-9+/_-]{43}=?$/.test(value) ? Buffer.from(value, 'base64') : Buffer.alloc(0);
  if (bytes.length !== MASTER_KEY_BYTES) {
    throw new Error(`must be ${MASTER_KEY_BYTES} bytes as base64 or hex (openssl rand -base64 ${MASTER_KEY_BYTES})`);
  }
  return bytes;
}

/** 32 bytes, written as 64 hex digits or as base64; or several such keys, separated by commas. */
export const keyList = (keysMax: number) =>
  secret(
    setting(undefined, (value): readonly [Buffer, ...Buffer[]] => {
      const [first = '', ...others] = value.split(',').map((part) => part.trim());
      if (others.length >= keysMax) throw new Error(`must list at most ${keysMax} keys`);
      return [keyBytes(first), ...others.map(keyBytes)];
    }),
  );
