import { termsIn, wholeName } from '../aggregates/words.ts';

/** The weights: where a text has a term. */
const IN_NAME = 'A';
const IN_SKU = 'B';
const IN_DESCRIPTION = 'C';
/** The weights of what names a thing. */
export const NAMED = IN_NAME + IN_SKU;

/** A term of a tsvector or tsquery as Postgres reads it. Terms are letters, digits, signs and spaces, without quotes and backslashes. */
export const literal = (term: string): string => `'${term}'`;

/** Begin the terms that stand for a whole name or SKU, and for its first word. No word has these signs alone. */
export const WHOLE = '=';
export const FIRST = '^';

/**
 * The text of the tsvector by which something is found. Each term has the weight of the best place where it stands. Every vector has
 * a term that begins with `WHOLE`; those of earlier versions have none.
 */
export function vectorOf(name: string, description: string, sku: string | null = null): string {
  const weights = new Map<string, string>();
  const add = (terms: readonly string[], weight: string): void => {
    for (const term of terms) if (!weights.has(term)) weights.set(term, weight);
  };
  const named = termsIn(name);
  add([WHOLE + wholeName(name)], IN_NAME);
  if (named[0] !== undefined) add([FIRST + named[0]], IN_NAME);
  add(named, IN_NAME);
  if (sku !== null) add([WHOLE + wholeName(sku), ...termsIn(sku)], IN_SKU);
  add(termsIn(description), IN_DESCRIPTION);
  return [...weights].map(([term, weight]) => `${literal(term)}:1${weight}`).join(' ');
}
