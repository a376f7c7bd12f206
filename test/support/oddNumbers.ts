import type { TSchema } from 'typebox';

/** Texts that some language takes for a number, and that are none here: too large, too exact, or written in another way. */
export const ODD_TEXTS = [
  ...['1e400', '-1e400', '1e-400', '1e3', '1E3', 'Infinity', '-Infinity', 'NaN', 'nan', 'inf', '0x10', '0b11', '0o7'],
  ...['1_000', '1,000', '1.000,00', '+5', ' 5', '5 ', '.5', '5.', '--5', '5-', '5n', '5px', '٣', '１', '½', '5\u00a0'],
  ...[
    '9007199254740993',
    '9223372036854775808',
    '18446744073709551616',
    `1${'0'.repeat(400)}`,
    '',
    'null',
    'true',
    '[]',
  ],
] as const;

/** JSON values that are no number of a bounded, whole field. */
export const ODD_JSON = [
  ...['1e400', '-1e400', '9007199254740993', '1e308', '-1e308', `1${'0'.repeat(400)}`, '1.5', '0.1e-6', '5e-324'],
  ...['"5"', '"1e400"', '"Infinity"', '""', 'true', '[5]', '{"value":5}'],
] as const;

/** JSON values that are no amount of money. */
export const ODD_AMOUNTS = [
  ...['1e400', '-1e400', '1e308', '-1', '-0.01', '1e13', '"1e400"', '"1e3"', '"Infinity"', '"NaN"', '"-1"', '"0x10"'],
  ...['" 5"', '"5 "', '"+5"', '"1,5"', '""', '"٣"', 'true', '[5]', `"1${'0'.repeat(400)}"`],
] as const;

type Schema = Readonly<Record<string, unknown>>;
type Numeric = 'number' | 'amount';

const partsOf = (schema: Schema): readonly Schema[] => [
  schema,
  ...['anyOf', 'oneOf', 'allOf'].flatMap((keyword) => (schema[keyword] ?? []) as readonly Schema[]),
];

function kindOf(schema: Schema): Numeric | undefined {
  const types = partsOf(schema).map(({ type }) => type);
  if (!types.includes('integer') && !types.includes('number')) return undefined;
  return types.includes('string') ? 'amount' : 'number';
}

/** One field of an input that takes a number, by its path; a number in the path is a place in an array. */
export interface NumericField {
  readonly path: readonly string[];
  readonly kind: Numeric;
}

/** Every field of a schema that takes a number. */
export function numericFields(schema: TSchema | undefined, path: readonly string[] = []): NumericField[] {
  if (schema === undefined) return [];
  const found = partsOf(schema as unknown as Schema).flatMap((part): NumericField[] => {
    const properties = Object.entries((part['properties'] ?? {}) as Record<string, TSchema>);
    const items = part['items'] as TSchema | undefined;
    return [
      ...properties.flatMap(([name, property]) => numericFields(property, [...path, name])),
      ...(items === undefined ? [] : numericFields(items, [...path, '0'])),
    ];
  });
  const kind = kindOf(schema as unknown as Schema);
  return kind === undefined ? found : [{ path, kind }, ...found];
}

/** JSON text of an object that holds `json` at `path`, and nothing else. */
export const jsonAt = ([head, ...rest]: readonly string[], json: string): string => {
  if (head === undefined) return json;
  return /^\d+$/.test(head) ? `[${jsonAt(rest, json)}]` : `{"${head}":${jsonAt(rest, json)}}`;
};
