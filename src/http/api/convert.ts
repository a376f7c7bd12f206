import type { TSchema } from 'typebox';
import { uuidOf } from '../../platform/ids.ts';
import { instantOf } from '../../platform/instant.ts';

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

type FromText = Readonly<Record<string, (text: string) => unknown>>;

/** By a schema's type: for inputs that come as text. */
const TYPES: FromText = {
  integer: (text) => numberFrom(text, WHOLE),
  number: (text) => numberFrom(text, FRACTION),
  boolean: (text) => (text === 'true' ? true : text === 'false' ? false : text),
};

/** By a schema's format: there is one form of each id and instant behind the edge. */
const FORMATS: FromText = {
  uuid: (text) => uuidOf(text) ?? text,
  'date-time': (text) => instantOf(text) ?? text,
};

/** Converts a value, in place where it is an object or an array. A text that is not of the wanted form stays as it is. */
type Convert = (value: unknown) => unknown;
type Schema = Readonly<Record<string, unknown>>;

const onText =
  (convert: (text: string) => unknown): Convert =>
  (value) =>
    typeof value === 'string' ? convert(value) : value;

function onFields(properties: readonly (readonly [name: string, convert: Convert])[]): Convert {
  return (value) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
    const fields = value as Record<string, unknown>;
    for (const [name, convert] of properties) {
      if (Object.hasOwn(fields, name)) fields[name] = convert(fields[name]);
    }
    return value;
  };
}

const onItems =
  (convert: Convert): Convert =>
  (value) =>
    Array.isArray(value) ? value.map(convert) : value;

/** The conversions that a schema asks for, its inner schemas' included; undefined when it asks for none. */
function conversion(schema: Schema, isText: boolean): Convert | undefined {
  const inner = (part: unknown): Convert | undefined => conversion(part as Schema, isText);
  const steps: (Convert | undefined)[] = ['anyOf', 'oneOf', 'allOf'].flatMap((keyword) =>
    ((schema[keyword] ?? []) as readonly Schema[]).map(inner),
  );
  const convert = FORMATS[String(schema['format'])] ?? (isText ? TYPES[String(schema['type'])] : undefined);
  if (convert !== undefined) steps.push(onText(convert));
  const properties = Object.entries((schema['properties'] ?? {}) as Schema).flatMap(([name, property]) => {
    const found = inner(property);
    return found === undefined ? [] : [[name, found] as const];
  });
  if (properties.length > 0) steps.push(onFields(properties));
  const items = schema['items'] === undefined ? undefined : inner(schema['items']);
  if (items !== undefined) steps.push(onItems(items));
  const all = steps.filter((step) => step !== undefined);
  return all.length === 0 ? undefined : (value) => all.reduce((so, step) => step(so), value);
}

/**
 * Brings ids and instants of an input to their one form: ids to lower case, instants to UTC. With `isText`, for path and query, texts
 * become the numbers and booleans that the schema asks for. A text of another form stays, and the schema then refuses it.
 */
export const converterOf = (schema: TSchema | undefined, isText: boolean): Convert | undefined =>
  schema === undefined ? undefined : conversion(schema as unknown as Schema, isText);
