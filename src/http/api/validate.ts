import { Ajv2020, type ErrorObject, type ValidateFunction } from 'ajv/dist/2020.js';
import formats from 'ajv-formats';
import type { TObject, TSchema } from 'typebox';
import type { FieldError } from '../../errors.ts';

/** Returns every invalid field of a value. A check made with `textCheck` also coerces values and fills in defaults. */
export type Check = (value: unknown) => readonly FieldError[];

/** How many parameters a query string may have. */
const QUERY_PARAMETERS_MAX = 64;

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
const FORMATS = ['date-time', 'date', 'email', 'uri'] as const;
const NOTHING: readonly FieldError[] = [];

/** Does not check the schemas themselves when a server starts: `contracts.spec` checks each of them. */
function makeAjv(coerce: boolean): Ajv2020 {
  const ajv = new Ajv2020({
    ...{ strict: true, allErrors: true, coerceTypes: coerce, useDefaults: coerce },
    ...{ logger: false, validateSchema: false },
  });
  formats.default(ajv, { mode: 'full', formats: [...FORMATS] });
  ajv.addFormat('uuid', UUID);
  return ajv;
}
const forBodies = makeAjv(false);
const forText = makeAjv(true);

const fieldOf = (error: ErrorObject): string => {
  const base = error.instancePath.slice(1).replaceAll('/', '.').replaceAll('~1', '/').replaceAll('~0', '~');
  const params = error.params as { missingProperty?: string; additionalProperty?: string };
  const last = params.missingProperty ?? params.additionalProperty;
  if (last === undefined) return base;
  return base === '' ? last : `${base}.${last}`;
};

const article = (type: string): string => (/^[aeio]/.test(type) ? `an ${type}` : `a ${type}`);
const listed = (values: unknown): string => (Array.isArray(values) ? values.join(', ') : String(values));

/** The message for each failing keyword; other keywords keep Ajv's message. */
const SENTENCES: Readonly<Record<string, (params: Record<string, unknown>) => string>> = {
  required: () => 'is required',
  additionalProperties: () => 'is not a known field',
  type: ({ type }) => `must be ${article(listed(type))}`,
  enum: ({ allowedValues }) => `must be one of ${listed(allowedValues)}`,
  const: ({ allowedValue }) => `must be ${listed(allowedValue)}`,
  format: ({ format }) => `must be a valid ${listed(format)}`,
  pattern: () => 'is not in the expected form',
  maxLength: ({ limit }) => `must have at most ${listed(limit)} characters`,
  minLength: ({ limit }) => (limit === 1 ? 'must not be empty' : `must have at least ${listed(limit)} characters`),
  maxItems: ({ limit }) => `must have at most ${listed(limit)} items`,
  minItems: ({ limit }) => (limit === 1 ? 'must not be empty' : `must have at least ${listed(limit)} items`),
  minimum: ({ limit }) => `must be at least ${listed(limit)}`,
  maximum: ({ limit }) => `must be at most ${listed(limit)}`,
};

const messageOf = (error: ErrorObject): string =>
  SENTENCES[error.keyword]?.(error.params as Record<string, unknown>) ?? error.message ?? 'is not valid';

/** Makes one error per field; the messages of several alternatives (`anyOf`) are joined by "or". */
function fieldErrors(errors: readonly ErrorObject[]): FieldError[] {
  const fields = new Map<string, { sentences: Set<string>; joint: string }>();
  for (const error of errors) {
    if (error.keyword === 'anyOf' || error.keyword === 'oneOf') continue;
    const field = fieldOf(error);
    const known = fields.get(field) ?? { sentences: new Set(), joint: ' and ' };
    known.sentences.add(messageOf(error));
    if (/\/(?:any|one)Of\//.test(error.schemaPath)) known.joint = ' or ';
    fields.set(field, known);
  }
  return [...fields].map(([field, { sentences, joint }]) => ({
    code: 'VALIDATION_ERROR',
    ...(field === '' ? {} : { field }),
    message: [...sentences].join(joint),
  }));
}

/** Compiles a schema when its first value comes: compiling all of them at start would take a fifth of the start. */
function compile(ajv: Ajv2020, schema: TSchema): Check {
  let compiled: ValidateFunction | undefined;
  return (value) => {
    const validate = (compiled ??= ajv.compile(schema));
    return validate(value) ? NOTHING : fieldErrors(validate.errors ?? []);
  };
}

const NO_FIELDS = { type: 'object', properties: {}, additionalProperties: false };

/** For bodies: nothing is coerced, nothing is filled in. */
export const bodyCheck = (schema: TObject | undefined): Check => compile(forBodies, schema ?? NO_FIELDS);
/** For path and query: text is coerced to the number or boolean that the schema asks for, defaults are filled in. */
export const textCheck = (schema: TObject | undefined): Check => compile(forText, schema ?? NO_FIELDS);
/** For answers, in tests. */
export const resultCheck = (schema: TSchema): Check => compile(forBodies, schema);

type Schema = Readonly<Record<string, unknown>>;

const isSchema = (value: unknown): value is Schema =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const schemasIn = (value: unknown): Schema[] => (Array.isArray(value) ? value.filter(isSchema) : []);
const BOUNDED_FORMATS = new Set(['uuid', 'date']);
const SCALARS = new Set(['number', 'integer', 'boolean', 'null']);

function stringIsBounded(schema: Schema): boolean {
  return typeof schema['maxLength'] === 'number' || BOUNDED_FORMATS.has(String(schema['format']));
}

function objectWithoutLimit(schema: Schema, path: string): string | undefined {
  if (schema['additionalProperties'] !== false) return `${path} accepts unknown fields (additionalProperties: false)`;
  if (schema['patternProperties'] !== undefined) return `${path} accepts any number of fields (patternProperties)`;
  const properties = isSchema(schema['properties']) ? schema['properties'] : {};
  for (const [name, property] of Object.entries(properties)) {
    const found = withoutLimit(property, path === '' ? name : `${path}.${name}`);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Describes the first part of an input schema that sets no limit; a route with such a part stops the start. */
export function withoutLimit(schema: unknown, path = ''): string | undefined {
  if (!isSchema(schema)) return `${path} accepts anything`;
  if (schema['const'] !== undefined || Array.isArray(schema['enum'])) return undefined;
  const alternatives = ['anyOf', 'oneOf', 'allOf'].flatMap((keyword) => schemasIn(schema[keyword]));
  if (alternatives.length > 0) {
    return alternatives.map((part) => withoutLimit(part, path)).find((found) => found !== undefined);
  }
  const type = String(schema['type']);
  if (SCALARS.has(type)) return undefined;
  if (type === 'string') return stringIsBounded(schema) ? undefined : `${path} accepts text of any length (maxLength)`;
  if (type === 'object') return objectWithoutLimit(schema, path);
  if (type !== 'array') return `${path} accepts anything`;
  if (typeof schema['maxItems'] !== 'number') return `${path} accepts any number of items (maxItems)`;
  return withoutLimit(schema['items'], `${path}[]`);
}

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
