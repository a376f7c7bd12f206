/** The parts of JSON Schema that inputs use. */
export interface InputSchema {
  readonly title?: string;
  readonly description?: string;
  readonly type?: string;
  readonly format?: string;
  readonly pattern?: string;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly InputSchema[];
  readonly oneOf?: readonly InputSchema[];
  readonly allOf?: readonly InputSchema[];
  readonly properties?: Readonly<Record<string, InputSchema>>;
  readonly additionalProperties?: unknown;
  readonly required?: readonly string[];
  readonly items?: InputSchema;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly minimum?: number;
  readonly maximum?: number;
}

/** The forms that the settings decide, in words, by the titles of their schemas. */
export type Forms = Readonly<Record<string, string>>;

/** How many choices or names one message lists. */
const LISTED_MAX = 20;

/** Each format that an input may have. */
const FORMATS: Readonly<Record<string, (limit: string) => string>> = {
  uuid: () => 'an id such as 0197f2e4-6c1b-7c3e-9b1a-0a1b2c3d4e05',
  'date-time': () => 'an instant such as 2026-01-31T12:00:00Z',
  date: () => 'a day such as 2026-01-31',
  email: (limit) => `an e-mail address${limit}, such as ada@shop.example`,
  uri: (limit) => `a URL${limit}, such as https://shop.example/quill`,
};

/** `a, b and c`; a long list ends in the number of those left out. */
export function listed(names: readonly string[], word: 'and' | 'or' | ',' = ','): string {
  if (names.length > LISTED_MAX) {
    return `${names.slice(0, LISTED_MAX).join(', ')} and ${names.length - LISTED_MAX} more`;
  }
  const last = names.at(-1) ?? '';
  return names.length < 2 || word === ',' ? names.join(', ') : `${names.slice(0, -1).join(', ')} ${word} ${last}`;
}

const counted = (count: number, unit: string): string => `${count} ${unit}${count === 1 ? '' : 's'}`;

/** ` of 1 to 200 characters`; empty where there is no limit. */
function sizes(min: number, max: number | undefined, unit: string): string {
  if (max === undefined) return min > 0 ? ` of at least ${counted(min, unit)}` : '';
  if (min === max) return ` of exactly ${counted(max, unit)}`;
  return min > 0 ? ` of ${min} to ${counted(max, unit)}` : ` of at most ${counted(max, unit)}`;
}

function ofText({ format, minLength = 0, maxLength }: InputSchema): string {
  const limit = sizes(minLength, maxLength, 'character');
  const known = format === undefined ? undefined : FORMATS[format];
  return known === undefined ? `text${limit}` : known(limit);
}

function ofNumber({ type, minimum, maximum }: InputSchema): string {
  const kind = type === 'integer' ? 'a whole number' : 'a number';
  if (minimum !== undefined && maximum !== undefined) return `${kind} from ${minimum} to ${maximum}`;
  if (minimum !== undefined) return `${kind} of at least ${minimum}`;
  return maximum === undefined ? kind : `${kind} of at most ${maximum}`;
}

function ofObject({ properties = {}, required = [] }: InputSchema): string {
  const names = Object.keys(properties);
  const needed = names.filter((name) => required.includes(name));
  const others = names.filter((name) => !required.includes(name));
  if (names.length === 0) return 'an object without fields';
  if (needed.length === 0) return `an object with any of ${listed(others)}`;
  const more = others.length === 0 ? '' : ` (and, if you like, ${listed(others)})`;
  return `an object with ${listed(needed, 'and')}${more}`;
}

function ofList({ items = {}, minItems = 0, maxItems }: InputSchema, forms: Forms): string {
  return `a list${sizes(minItems, maxItems, 'item')}, each ${expected(items, forms)}`;
}

const BY_TYPE: Readonly<Record<string, (schema: InputSchema, forms: Forms) => string>> = {
  string: ofText,
  integer: ofNumber,
  number: ofNumber,
  boolean: () => 'true or false',
  null: () => 'null',
  object: ofObject,
  array: ofList,
};

export const alternativesOf = ({ anyOf, oneOf }: InputSchema): readonly InputSchema[] | undefined => anyOf ?? oneOf;

function ofAlternatives(parts: readonly InputSchema[], forms: Forms): string {
  const fixed = parts.flatMap((part) => (part.const === undefined ? [] : [part.const]));
  const others = parts.filter((part) => part.const === undefined).map((part) => expected(part, forms));
  const choice = fixed.length === 0 ? [] : [ofChoice(fixed)];
  return [...choice, ...new Set(others)].join(', or ');
}

const ofChoice = (values: readonly unknown[]): string =>
  values.length === 1 ? String(values[0]) : `one of ${listed(values.map(String))}`;

/** A description that says the form completes "it must be …". Another is a sentence of its own, and begins as one. */
const formIn = (description = ''): string | undefined => (/^[a-z]/.test(description) ? description : undefined);

/**
 * The form that a schema expects, as the end of "it must be …": the form, its limits, an example. A pattern is never shown: a schema that has one
 * says in its `description` what it means, in words that complete the same sentence.
 */
export function expected(schema: InputSchema, forms: Forms): string {
  const { title, description, const: fixed, enum: choices, type = '' } = schema;
  const alternatives = alternativesOf(schema);
  const told = (title === undefined ? undefined : forms[title]) ?? formIn(description);
  if (told !== undefined) return told;
  if (alternatives !== undefined) return ofAlternatives(alternatives, forms);
  if (choices !== undefined) return ofChoice(choices);
  if (fixed !== undefined) return ofChoice([fixed]);
  return BY_TYPE[type]?.(schema, forms) ?? 'a value of another kind';
}

/** The path of the first part of a schema whose form no words say: a pattern or an unknown format without a description. */
export function withoutWords(schema: InputSchema, path = 'the input'): string | undefined {
  if (formIn(schema.description) !== undefined) return undefined;
  const { pattern, format } = schema;
  if (pattern !== undefined || (format !== undefined && !Object.hasOwn(FORMATS, format))) return path;
  const parts: readonly (readonly [string, InputSchema])[] = [
    ...[...(alternativesOf(schema) ?? []), ...(schema.allOf ?? [])].map((part) => [path, part] as const),
    ...Object.entries(schema.properties ?? {}),
    ...(schema.items === undefined ? [] : [[`${path}[]`, schema.items] as const]),
  ];
  return parts.map(([name, part]) => withoutWords(part, name)).find((found) => found !== undefined);
}
