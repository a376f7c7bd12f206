import { type FieldError, fieldError } from '../../errors.ts';

/** How many parameters a query string may have. */
const QUERY_PARAMETERS_MAX = 64;

const decode = (text: string): string => decodeURIComponent(text.replaceAll('+', ' '));
const UNSTORABLE = /[\0\p{Cs}]/u;

export type Aliases = ReadonlyMap<string, string>;

/** Gives arguments their own names. An argument that came by two of its names is an error, whatever the values are. */
export function renamed(
  args: Record<string, unknown>,
  aliases: Aliases,
  errors: FieldError[],
): Record<string, unknown> {
  const own = Object.create(null) as Record<string, unknown>;
  for (const [given, value] of Object.entries(args)) {
    const name = aliases.get(given) ?? given;
    if (name in own) errors.push(fieldError(given, `is another name of ${name}, which is given too`));
    own[name] = value;
  }
  return own;
}

/**
 * Parses a query string into an object of texts. A repeated parameter, text that is not UTF-8, NUL and lone surrogates are
 * errors. Unknown parameters are left to the schema.
 */
export function parseQuery(search: string, errors: FieldError[]): Record<string, unknown> {
  if (search === '') return {};
  const values = Object.create(null) as Record<string, unknown>;
  const wrong = (reason: string, field?: string): void => {
    errors.push(fieldError(field, reason));
  };
  const parts = search.split('&', QUERY_PARAMETERS_MAX + 1);
  if (parts.length > QUERY_PARAMETERS_MAX) wrong(`There may be at most ${QUERY_PARAMETERS_MAX} query parameters.`);
  for (const part of parts) {
    if (part === '') continue;
    const equals = part.indexOf('=');
    let name: string;
    let value: string;
    try {
      name = decode(equals < 0 ? part : part.slice(0, equals));
      value = equals < 0 ? '' : decode(part.slice(equals + 1));
    } catch {
      wrong('The query string is not valid percent-encoded UTF-8.');
      continue;
    }
    if (name in values) wrong('is given more than once', name);
    else if (UNSTORABLE.test(value)) wrong('holds characters that cannot be stored', name);
    values[name] = value;
  }
  return values;
}
