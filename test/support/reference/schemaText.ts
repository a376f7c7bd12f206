import { code, listed } from './markdown.ts';

/** The part of JSON Schema that the contracts and the events use. */
export interface JsonSchema {
  readonly type?: string | readonly string[];
  readonly format?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly enum?: readonly (string | number | boolean | null)[];
  readonly const?: string | number | boolean | null;
  readonly anyOf?: readonly JsonSchema[];
  readonly items?: JsonSchema;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly pattern?: string;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: number;
}

export interface Field {
  /** For example `items[].product_id`. */
  readonly name: string;
  readonly required: boolean;
  readonly value: string;
}

/** The schema without TypeBox's own marks. */
export const plain = (schema: unknown): JsonSchema => JSON.parse(JSON.stringify(schema)) as JsonSchema;

const FORMATS: Readonly<Record<string, string>> = {
  uuid: 'UUID',
  'date-time': 'date and time (RFC 3339)',
};
const number = (value: number): string => value.toLocaleString('en', { maximumFractionDigits: 20 });

/** A range in words. The limit of the number type is left out as a bound. */
function range(min: number | undefined, bound: number | undefined): string | undefined {
  const max = bound === Number.MAX_SAFE_INTEGER ? undefined : bound;
  if (min !== undefined && max !== undefined) return min === max ? number(min) : `${number(min)} to ${number(max)}`;
  if (max !== undefined) return `at most ${number(max)}`;
  return min === undefined ? undefined : `at least ${number(min)}`;
}

const joined = (parts: readonly (string | undefined)[]): string =>
  parts.filter((part) => part !== undefined).join(', ');

function textValue({ format, minLength, maxLength, pattern }: JsonSchema): string {
  if (format !== undefined && format in FORMATS) return FORMATS[format]!;
  const length = range(minLength, maxLength);
  return joined([
    format === 'email' ? 'e-mail address' : format === undefined ? 'text' : `text (${format})`,
    length === undefined ? undefined : `${length} characters`,
    pattern === undefined ? undefined : `matching ${code(pattern)}`,
  ]);
}

function numberValue(schema: JsonSchema): string {
  const { type, minimum, maximum, exclusiveMinimum } = schema;
  const above = exclusiveMinimum === undefined ? undefined : `above ${number(exclusiveMinimum)}`;
  return joined([type === 'integer' ? 'whole number' : 'number', above, range(minimum, maximum)]);
}

function listValue({ items, minItems, maxItems }: JsonSchema): string {
  const of = items === undefined ? 'anything' : isObject(items) ? 'objects' : valueOf(items);
  const count = range(minItems, maxItems);
  return joined([`list of ${of}`, count === undefined ? undefined : `${count} of them`]);
}

export const isObject = ({ type, properties }: JsonSchema): boolean => type === 'object' && properties !== undefined;

const choice = (values: readonly string[]): string =>
  values.some((value) => value.includes(',')) ? values.join('; or ') : listed(values, 'or');

/** A description of an input is the end of "it must be …"; any other one is a sentence of its own. */
const saysForm = ({ description = '' }: JsonSchema): boolean => /^[a-z]/.test(description);

/** A description, in words, of the values that a schema accepts. */
export function valueOf(schema: JsonSchema): string {
  if (saysForm(schema)) return schema.description!;
  if (schema.enum !== undefined)
    return listed(
      schema.enum.map((value) => code(String(value))),
      'or',
    );
  if (schema.const !== undefined) return code(String(schema.const));
  if (schema.anyOf !== undefined) return choice(schema.anyOf.map(valueOf));
  switch (schema.type) {
    case 'string':
      return textValue(schema);
    case 'integer':
    case 'number':
      return numberValue(schema);
    case 'array':
      return listValue(schema);
    case undefined:
      return 'any JSON value';
    default:
      return typeof schema.type === 'string' ? schema.type : listed(schema.type, 'or');
  }
}

function described(schema: JsonSchema): string {
  const { description, default: fallback } = schema;
  const value = valueOf(schema);
  return [
    fallback === undefined ? value : `${value}; ${code(JSON.stringify(fallback))} unless given`,
    ...(description === undefined || saysForm(schema) ? [] : [description]),
  ].join('. ');
}

/** The fields inside of a value: of an object, of each item of a list, or of the choices that are objects. */
function inner(schema: JsonSchema, name: string): Field[] {
  if (isObject(schema)) return fieldsOf(schema, `${name}.`);
  if (schema.items !== undefined) return inner(schema.items, `${name}[]`);
  return (schema.anyOf ?? []).flatMap((one) => inner(one, name));
}

/** Every field of an object, each followed by the fields inside of it. A field with the same schema as an earlier one only refers to it. */
export function fieldsOf(schema: JsonSchema, prefix = ''): Field[] {
  const told = new Map<string, string>();
  return Object.entries(schema.properties ?? {}).flatMap(([name, property]) => {
    const required = schema.required?.includes(name) === true && property.default === undefined;
    const fields = inner(property, prefix + name);
    const shape = JSON.stringify(property);
    const twin = told.get(shape);
    if (twin !== undefined) return [{ name: prefix + name, required, value: `the same as ${code(twin)}` }];
    if (fields.length > 0) told.set(shape, prefix + name);
    return [{ name: prefix + name, required, value: described(property) }, ...fields];
  });
}
