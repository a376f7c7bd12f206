import type { TObject } from 'typebox';
import type { FieldError } from '../../errors.ts';

/** How many parameters a query string may have. */
const QUERY_PARAMETERS_MAX = 64;

const decode = (text: string): string => decodeURIComponent(text.replaceAll('+', ' '));
const UNSTORABLE = /[\0\p{Cs}]/u;

/**
 * Parses a query string into an object of texts. A repeated parameter, text that is not UTF-8, NUL and lone surrogates are
 * errors. Unknown parameters are left to the schema.
 */
export function parseQuery(search: string, errors: FieldError[]): Record<string, unknown> {
  if (search === '') return {};
  const values = Object.create(null) as Record<string, unknown>;
  const wrong = (message: string, field?: string): void => {
    errors.push({ code: 'VALIDATION_ERROR', ...(field === undefined ? {} : { field }), message });
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

/** No text but these is a number: no exponent, no other base, no spaces; sixteen digits hold every safe integer. */
const WHOLE = /^-?\d{1,16}$/;
const FRACTION = /^-?\d{1,16}(?:\.\d{1,15})?$/;

/** The number, if `text` is one that is exactly kept: finite, and safe if it is whole. Any other text stays text. */
function numberFrom(text: string, form: RegExp): unknown {
  if (!form.test(text)) return text;
  const value = Number(text);
  if (Math.abs(value) > Number.MAX_SAFE_INTEGER) return text;
  // Without this, "-0" would stay a number of its own.
  return value === 0 ? 0 : value;
}

const FROM_TEXT: Readonly<Record<string, (text: string) => unknown>> = {
  integer: (text) => numberFrom(text, WHOLE),
  number: (text) => numberFrom(text, FRACTION),
  boolean: (text) => (text === 'true' ? true : text === 'false' ? false : text),
};

/**
 * Converts texts, in place, to the numbers and booleans that a schema asks for. A text that is none stays text, which the schema
 * then refuses.
 */
export function converterOf(schema: TObject | undefined): (value: Record<string, unknown>) => void {
  const converters = Object.entries(schema?.properties ?? {}).flatMap(([name, property]) => {
    const convert = FROM_TEXT[String((property as { type?: unknown }).type)];
    return convert === undefined ? [] : [{ name, convert }];
  });
  return (value) => {
    for (const { name, convert } of converters) {
      const text = value[name];
      if (typeof text === 'string') value[name] = convert(text);
    }
  };
}
