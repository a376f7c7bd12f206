import type { ErrorObject } from 'ajv';
import { didYouMean, type FieldError, fieldError, shownName } from '../../errors.ts';
import { alternativesOf, expected, type Forms, type InputSchema, listed } from './expected.ts';

export interface Reading {
  readonly forms: Forms;
  /** Whether the value came as text, as in a path or a query: its kind then says nothing to its sender. */
  readonly isText: boolean;
}

type Kind = 'text' | 'number' | 'boolean' | 'null' | 'list' | 'object';

const GOT: Readonly<Record<Exclude<Kind, 'boolean'>, string>> = {
  text: 'text',
  number: 'a number',
  null: 'null',
  list: 'a list',
  object: 'an object',
};
const KINDS: Readonly<Record<string, Kind>> = {
  ...{ string: 'text', integer: 'number', number: 'number', boolean: 'boolean' },
  ...{ null: 'null', array: 'list', object: 'object' },
};

function kindOf(value: unknown): Kind {
  if (value === null) return 'null';
  return Array.isArray(value) ? 'list' : (KINDS[typeof value] ?? 'object');
}

/** Every schema that one value may follow. */
function formsOf(schema: InputSchema): readonly InputSchema[] {
  return alternativesOf(schema)?.flatMap(formsOf) ?? [schema];
}

function takes({ type, const: fixed, enum: choices = [fixed] }: InputSchema, kind: Kind): boolean {
  return type === undefined ? choices.some((choice) => kindOf(choice) === kind) : KINDS[type] === kind;
}

const sized = (size: number, unit: string): string =>
  size === 0 ? ', but it is empty' : `, but it has ${size} ${unit}${size === 1 ? '' : 's'}`;

function gotText(text: string, { minLength = 0, maxLength = Infinity }: InputSchema): string {
  const length = Array.from(text).length;
  return length === 0 || length < minLength || length > maxLength ? sized(length, 'character') : '';
}

/** The kind or size that the value has instead, as far as its kind or its size is wrong. It never shows the value, which can be a secret. */
function got(schema: InputSchema, value: unknown, { isText }: Reading): string {
  const kind = kindOf(value);
  const meant = formsOf(schema).filter((form) => takes(form, kind));
  if (meant.length === 0) {
    if (!isText) return `, but it is ${kind === 'boolean' ? String(value) : GOT[kind]}`;
    return value === '' ? ', but it is empty' : '';
  }
  if (typeof value === 'string') return meant.length === 1 ? gotText(value, meant[0]!) : '';
  if (Array.isArray(value)) return sized(value.length, 'item');
  const isWhole = typeof value !== 'number' || Number.isInteger(value);
  return isWhole || meant.some(({ type }) => type !== 'integer') ? '' : ', but it has a fraction';
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> => kindOf(value) === 'object';
const escaped = (name: string): string => name.replaceAll('~', '~0').replaceAll('/', '~1');

/** Walks an input beside its schema. `refused` has the JSON pointer of every part that the validator refuses. */
function createWalk(refused: ReadonlySet<string>, reading: Reading) {
  const errors: FieldError[] = [];
  const tell = (path: readonly string[], reason: string): void => {
    errors.push(
      fieldError(
        path.length === 0 ? undefined : path,
        path.length === 0 ? `The ${reading.isText ? 'query' : 'body'} ${reason}.` : reason,
      ),
    );
  };
  const isRefused = (path: readonly string[]): boolean =>
    refused.has(path.map((segment) => `/${escaped(segment)}`).join(''));

  function unknown(path: readonly string[], name: string, { properties = {} }: InputSchema): void {
    const known = Object.keys(properties);
    const question = didYouMean(name, known);
    const field = reading.isText ? 'query parameter' : 'field';
    const others = known.length === 1 ? `the only one is ${known[0]}` : `there are ${listed(known)}`;
    const hint = known.length === 0 ? ': none is known here' : `: ${others}`;
    tell([...path, shownName(name)], `is not a known ${field}${question === '' ? hint : question}`);
  }

  function fields(schema: InputSchema, value: Readonly<Record<string, unknown>>, path: readonly string[]): void {
    const { properties = {}, required = [], additionalProperties } = schema;
    for (const [name, inner] of Object.entries(properties)) {
      if (Object.hasOwn(value, name)) look(inner, value[name], [...path, name]);
      else if (required.includes(name)) {
        tell([...path, name], `is missing: it must be ${expected(inner, reading.forms)}`);
      }
    }
    if (additionalProperties !== false) return;
    for (const name of Object.keys(value)) if (!Object.hasOwn(properties, name)) unknown(path, name, schema);
  }

  function list(schema: InputSchema, value: readonly unknown[], path: readonly string[], whole: InputSchema): void {
    const { items, minItems = 0, maxItems = Infinity } = schema;
    if (value.length < minItems || value.length > maxItems) refuse(whole, value, path);
    if (items !== undefined) value.forEach((item, index) => look(items, item, [...path, String(index)]));
  }

  const refuse = (schema: InputSchema, value: unknown, path: readonly string[]): void =>
    tell(path, `must be ${expected(schema, reading.forms)}${got(schema, value, reading)}`);

  function look(schema: InputSchema, value: unknown, path: readonly string[]): void {
    const meant = formsOf(schema).filter((form) => takes(form, kindOf(value)));
    if (isObject(value) && meant[0] !== undefined) fields(meant[0], value, path);
    else if (Array.isArray(value) && meant[0] !== undefined) list(meant[0], value, path, schema);
    else if (isRefused(path)) refuse(schema, value, path);
    schema.allOf?.forEach((part) => look(part, value, path));
  }

  return { look, refuse, errors };
}

/** One error for each field of an input that the validator refused, each a sentence that begins with the field's name. */
export function faultsOf(
  schema: InputSchema,
  value: unknown,
  refusals: readonly ErrorObject[],
  reading: Reading,
): readonly FieldError[] {
  const walk = createWalk(new Set(refusals.map(({ instancePath }) => instancePath)), reading);
  walk.look(schema, value, []);
  if (walk.errors.length === 0) walk.refuse(schema, value, []);
  return walk.errors;
}
