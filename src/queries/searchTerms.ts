import { inflectionsOf } from '../aggregates/inflections.ts';
import { keysOfTyped, misspelt } from '../aggregates/misspellings.ts';
import { isSpelled, termsIn, type Wanted, wantedIn, wholeName } from '../aggregates/words.ts';
import type { ReadDb } from '../engine/ask/query.ts';
import { FIRST, literal, NAMED, WHOLE } from '../projections/search.ts';

/** Typed words for which other forms and spellings are looked for, at most: the first ones. */
const BENT_MAX = 8;
/** Letters that a word needs to stand for longer ones: fewer in the last word, because people may still be typing it. */
const BEGINNING_LENGTH_MIN = 3;
const LAST_LENGTH_MIN = 2;
/** Letters that words of one stem have in common, at least. */
const STEM_LENGTH_MIN = 3;
const STEM_WORDS_MAX = 50;
/** Words that share a key with a typed one, and of these the misspelt ones that are looked for, at most. */
const ALIKE_MAX = 1_000;
const MISSPELT_MAX = 12;
/** Sorts after every text that begins as it does. */
const LAST = '\u{10ffff}';

/** What the words of the shop have in common with a typed one. */
interface Relatives {
  /** Words of the same stem, and other forms. */
  readonly forms: readonly string[];
  /** Words that may be meant, the likeliest first. */
  readonly meant: readonly string[];
}

const ALONE: Relatives = { forms: [], meant: [] };

/** The words of the shop with the stem of a typed one, by the stemmer of a language, and those that share a key with it. */
const RELATIVES = `
  SELECT t.typed, v.word, v.same_stem
  FROM unnest($1::text[], $2::text[], $3::text[], $4::text[]) AS t (typed, low, high, keys)
  CROSS JOIN LATERAL (
    (SELECT s.word, true AS same_stem FROM vocabulary s
     WHERE s.word >= t.low AND s.word < t.high AND ts_lexize($5::regdictionary, s.word) = ts_lexize($5::regdictionary, t.typed)
       AND cardinality(ts_lexize($5::regdictionary, t.typed)) > 0
     ORDER BY s.word LIMIT ${STEM_WORDS_MAX})
    UNION ALL
    (SELECT k.word, false FROM vocabulary k WHERE k.keys @@ t.keys::tsquery ORDER BY k.word LIMIT ${ALIKE_MAX})
  ) AS v`;

interface Related {
  readonly typed: string;
  readonly word: string;
  readonly same_stem: boolean;
}

/** The likeliest of the words that may be meant. A word that the shop has is seldom misspelt, so only one slip counts there. */
function meantBy(typed: string, forms: ReadonlySet<string>, words: readonly string[]): string[] {
  const known = words.some((word) => word === typed || forms.has(word));
  const slips = words
    .filter((word) => word !== typed && !forms.has(word))
    .flatMap((word) => {
      const count = misspelt(typed, word);
      return count === undefined || (known && count === 2 && !word.endsWith(typed)) ? [] : [{ word, count }];
    });
  const likeliest = slips.sort((one, other) => one.count - other.count || (one.word < other.word ? -1 : 1));
  return likeliest.slice(0, MISSPELT_MAX).map(({ word }) => word);
}

async function relativesOf(db: ReadDb, language: string, terms: readonly string[]): Promise<Map<string, Relatives>> {
  const typed = terms.filter(isSpelled);
  if (typed.length === 0) return new Map();
  const starts = typed.map((word) => Array.from(word).slice(0, STEM_LENGTH_MIN).join(''));
  const stems = language !== 'simple';
  const keys = typed.map((word) => {
    const { keys: whole, beginnings } = keysOfTyped(word);
    return [literal(word), ...whole.map(literal), ...beginnings.map((beginning) => `${literal(beginning)}:*`)].join(
      ' | ',
    );
  });
  const values = [typed, stems ? starts : typed, starts.map((start, at) => (stems ? start + LAST : typed[at])), keys];
  const rows = await db.rows<Related>(RELATIVES, [...values, `pg_catalog.${language}${stems ? '_stem' : ''}`]);
  return new Map(
    typed.map((word) => {
      const own = rows.filter((row) => row.typed === word);
      const inflected = language === 'english' ? inflectionsOf(word) : [];
      const forms = new Set([...inflected, ...own.flatMap((row) => (row.same_stem ? [row.word] : []))]);
      forms.delete(word);
      const alike = own.flatMap((row) => (row.same_stem ? [] : [row.word]));
      return [word, { forms: [...forms], meant: meantBy(word, forms, alike) }];
    }),
  );
}

/** How much of a word must be there: all of it, its beginning, any form of it, or a word that may be meant. */
type Reading = 'whole' | 'beginning' | 'form' | 'meant';

interface Typed {
  readonly wanted: readonly Wanted[];
  readonly relatives: ReadonlyMap<string, Relatives>;
}

/** The tsquery for one reading of all typed words; `where` are the weights of the places that count, none for all. */
function tsqueryOf({ wanted, relatives }: Typed, reading: Reading, where: string): string {
  const whole = (term: string): string => literal(term) + (where === '' ? '' : `:${where}`);
  const read = (term: string, at: number, { ends, joined }: { ends: boolean; joined: boolean }): string => {
    if (reading === 'whole' || at >= BENT_MAX) return whole(term);
    const least = at === wanted.length - 1 && !joined ? LAST_LENGTH_MIN : BEGINNING_LENGTH_MIN;
    const begins = ends && isBeginning(term) && Array.from(term).length >= least;
    const { forms, meant } = (reading === 'beginning' ? undefined : relatives.get(term)) ?? ALONE;
    const others = [...forms, ...(reading === 'meant' ? meant : [])].map(whole);
    return [begins ? `${literal(term)}:*${where}` : whole(term), ...others].join(' | ');
  };
  return wanted
    .map((forms, at) => {
      const readings = forms.map((terms, form) => {
        const all = terms.map(
          (term, place) => `(${read(term, at, { ends: place === terms.length - 1, joined: form > 0 })})`,
        );
        return all.join(' & ');
      });
      return `(${readings.join(' | ')})`;
    })
    .join(' & ');
}

const isBeginning = (term: string): boolean => isSpelled(term) || /^[\p{L}\p{N}]*\p{N}[\p{L}\p{N}]*$/u.test(term);

/**
 * What is searched for. A row is as good as the first of `tiers` that it has, and those it has none of are not found. `guess` also has
 * words that may be meant.
 */
export interface Search {
  readonly tiers: readonly string[];
  readonly guess: string;
}

/** The search for what was typed. Undefined: nothing can be found. */
export async function searchFor(typed: string, language: string, db: ReadDb): Promise<Search | undefined> {
  const wanted = wantedIn(typed);
  if (wanted.length === 0) return undefined;
  const terms = new Set(wanted.slice(0, BENT_MAX).flat(2));
  const all = { wanted, relatives: await relativesOf(db, language, [...terms]) };
  const first = literal(FIRST + termsIn(typed)[0]!);
  const inName = tsqueryOf(all, 'whole', NAMED);
  return {
    tiers: [
      literal(WHOLE + wholeName(typed)),
      `${first} & ${inName}`,
      inName,
      tsqueryOf(all, 'beginning', NAMED),
      tsqueryOf(all, 'form', NAMED),
      tsqueryOf(all, 'whole', ''),
      tsqueryOf(all, 'form', ''),
    ],
    guess: tsqueryOf(all, 'meant', ''),
  };
}
