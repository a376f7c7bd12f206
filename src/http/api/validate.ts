import { Ajv2020, type ErrorObject, type ValidateFunction } from 'ajv/dist/2020.js';
import formats from 'ajv-formats';
import type { TObject, TSchema } from 'typebox';
import { didYouMean, type FieldError } from '../../errors.ts';
import { converterOf } from './convert.ts';
import { UUID } from '../../platform/ids.ts';
import { instantOf } from '../../platform/instant.ts';

/** Returns every invalid field of a value. It also converts the values of an input, as `convert.ts` says. */
export type Check = (value: unknown) => readonly FieldError[];

const FORMATS = ['date', 'email', 'uri'] as const;
const NOTHING: readonly FieldError[] = [];

/** Does not check the schemas themselves when a server starts: `contracts.spec` checks each of them. */
function makeAjv(useDefaults: boolean): Ajv2020 {
  const ajv = new Ajv2020({
    ...{ strict: true, allErrors: true, useDefaults },
    // With `verbose`, an error has the schema that it breaks, which knows the fields that there are.
    ...{ logger: false, validateSchema: false, verbose: true },
  });
  formats.default(ajv, { mode: 'full', formats: [...FORMATS] });
  ajv.addFormat('uuid', UUID);
  ajv.addFormat('date-time', (text) => instantOf(text) !== undefined);
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

function unknownField({ params, parentSchema }: ErrorObject): string {
  const { properties = {} } = (parentSchema ?? {}) as { properties?: object };
  const name = String((params as { additionalProperty?: unknown }).additionalProperty);
  return `is not a known field${didYouMean(name, Object.keys(properties))}`;
}

const messageOf = (error: ErrorObject): string =>
  error.keyword === 'additionalProperties'
    ? unknownField(error)
    : (SENTENCES[error.keyword]?.(error.params as Record<string, unknown>) ?? error.message ?? 'is not valid');

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

function converting(schema: TObject | undefined, { ajv, isText }: { ajv: Ajv2020; isText: boolean }): Check {
  const convert = converterOf(schema, isText);
  const check = compile(ajv, schema ?? NO_FIELDS);
  if (convert === undefined) return check;
  return (value) => {
    convert(value);
    return check(value);
  };
}

/** For bodies: ids and instants get their one form; nothing else is converted, and nothing is filled in. */
export const bodyCheck = (schema: TObject | undefined): Check => converting(schema, { ajv: forBodies, isText: false });
/** For path and query: text is converted to the number or boolean that the schema asks for, defaults are filled in. */
export const textCheck = (schema: TObject | undefined): Check => converting(schema, { ajv: forText, isText: true });
/** For answers, in tests. */
export const resultCheck = (schema: TSchema): Check => compile(forBodies, schema);
