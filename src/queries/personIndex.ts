import { wantedPeople } from '../aggregates/personTerms.ts';
import type { PhoneCountry } from '../aggregates/phone.ts';
import type { PersonalData } from '../eventstore/personalData.ts';

/** The index of keyed hashes by which people are found. */
export interface PersonIndex {
  /** Resolves when the index has everybody whom the read model of users has. */
  bringUpToDate(): Promise<void>;
}

/** 80 bits of a keyed hash: no two terms of a shop share one. */
const LEXEME_DIGITS = 20;

export const lexemeOf = ({ blindIndex }: Pick<PersonalData, 'blindIndex'>, term: string): string =>
  blindIndex('person term', term).slice(0, LEXEME_DIGITS);

/** The tsquery that finds the people whom a text is about; undefined when it can find nobody. */
export function peopleQuery(
  typed: string,
  { personalData, country }: { readonly personalData: PersonalData; readonly country: PhoneCountry | undefined },
): string | undefined {
  const all = (parts: readonly string[]): string => `(${parts.join(' & ')})`;
  const any = (parts: readonly string[]): string => `(${parts.join(' | ')})`;
  const alternatives = wantedPeople(typed, country).map((wanted) =>
    all(wanted.map((forms) => any(forms.map((terms) => all(terms.map((term) => lexemeOf(personalData, term))))))),
  );
  return alternatives.length === 0 ? undefined : any(alternatives);
}
