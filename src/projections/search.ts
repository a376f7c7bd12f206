import { termsIn, type Wanted } from '../aggregates/words.ts';

/** The terms of words are letters, digits and signs, without quotes and backslashes. */
const literal = (term: string): string => `'${term}'`;

/** The text of a tsvector: the terms of a name before those of a description, with a higher weight. */
export function vectorOf(name: string, description: string): string {
  const named = termsIn(name).map((term, at) => `${literal(term)}:${at + 1}A`);
  const described = termsIn(description).map((term, at) => `${literal(term)}:${named.length + at + 1}B`);
  return [...named, ...described].join(' ');
}

/** The text of the tsquery that finds texts with all that is wanted. */
export const tsqueryOf = (wanted: readonly Wanted[]): string =>
  wanted.map((forms) => `(${forms.map((terms) => terms.map(literal).join(' & ')).join(' | ')})`).join(' & ');
