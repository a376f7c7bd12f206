type Schema = Readonly<Record<string, unknown>>;

const isSchema = (value: unknown): value is Schema =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const schemasIn = (value: unknown): Schema[] => (Array.isArray(value) ? value.filter(isSchema) : []);
const BOUNDED_FORMATS = new Set(['uuid', 'date']);
const SCALARS = new Set(['boolean', 'null']);
const NUMBERS = new Set(['number', 'integer']);

/** A whole number beyond the safe ones is rounded silently, so a bound beyond them is none. */
const numberIsBounded = ({ minimum, maximum }: Schema): boolean =>
  [minimum, maximum].every((bound) => typeof bound === 'number' && Math.abs(bound) <= Number.MAX_SAFE_INTEGER);

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

function scalarWithoutLimit(type: string, schema: Schema, path: string): string | undefined {
  if (SCALARS.has(type)) return undefined;
  if (NUMBERS.has(type)) return numberIsBounded(schema) ? undefined : `${path} accepts any number (minimum, maximum)`;
  if (type !== 'string') return `${path} accepts anything`;
  return stringIsBounded(schema) ? undefined : `${path} accepts text of any length (maxLength)`;
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
  if (type === 'object') return objectWithoutLimit(schema, path);
  if (type !== 'array') return scalarWithoutLimit(type, schema, path);
  if (typeof schema['maxItems'] !== 'number') return `${path} accepts any number of items (maxItems)`;
  return withoutLimit(schema['items'], `${path}[]`);
}
