import { inflectionsOf } from './inflections.ts';

/** Shorter words are too much alike. */
const LENGTH_MIN = 3;
/** Longer words are hardly typed, and have too many keys. */
const LENGTH_MAX = 24;
/** From this length on two slips count as a misspelling, and below only one. */
const TWO_SLIPS_LENGTH = 6;
/** Up to this length a misspelling begins as the word does. */
const SHORT = 4;
/** Letters by which words are looked up. Slips after them cost no keys. */
const KEY_LENGTH = 7;
/** A part that ends a longer word, such as shoe in horseshoe, has so many letters at least, and the rest of it so many. */
const TAIL_LENGTH_MIN = 4;
const HEAD_LENGTH_MIN = 2;
/** Begins the key under which a word is found by its end. No word has this sign. */
const TAIL = '<';

const lettersOf = (word: string): string[] => Array.from(word);

/** How a word sounds, roughly: letters that are doubled or spelt in another way are confused most. */
const soundOf = (word: string): string =>
  word.length <= SHORT
    ? word
    : word
        .replaceAll('ph', 'f')
        .replaceAll('ck', 'k')
        .replace(/(\p{L})\1+/gu, '$1');

/** A text and what is left of it without up to `slips` of its letters. */
function shortened(letters: readonly string[], slips: number): Set<string> {
  let last = new Set([letters.join('')]);
  const all = new Set(last);
  for (let slip = 0; slip < slips; slip += 1) {
    const next = new Set<string>();
    for (const text of last) {
      const signs = lettersOf(text);
      if (signs.length <= 2) continue;
      for (let at = 0; at < signs.length; at += 1) next.add(signs.toSpliced(at, 1).join(''));
    }
    for (const text of next) all.add(text);
    last = next;
  }
  return all;
}

const isMisspellable = (length: number): boolean => length >= LENGTH_MIN && length <= LENGTH_MAX;

/** The keys of a spelling. A word and a misspelling with up to two slips share one, because a slip is undone by leaving out letters. */
function keysOf(spelling: string, slips: number): Set<string> {
  const letters = lettersOf(spelling);
  return shortened(letters.slice(0, KEY_LENGTH), letters.length < LENGTH_MIN ? 0 : slips);
}

const spellingsOf = (word: string): Set<string> => new Set([word, soundOf(word)]);
const formsOf = (word: string): string[] => [word, ...inflectionsOf(word).filter((form) => form.length < word.length)];

/** The keys under which a word of the shop is kept, so that misspellings of it, of its singular, and its end alone find it. */
export function keysOfWord(word: string): string[] {
  const { length } = lettersOf(word);
  if (!isMisspellable(length)) return [];
  const slips = length <= SHORT ? 1 : 2;
  const keys = formsOf(word).flatMap((form) =>
    [...spellingsOf(form)].flatMap((spelling) => [...keysOf(spelling, slips)]),
  );
  const tail = length >= TAIL_LENGTH_MIN + HEAD_LENGTH_MIN ? [TAIL + lettersOf(word).reverse().join('')] : [];
  return [...new Set([...keys, ...tail])];
}

const slipsIn = (letters: number): number => (letters < TWO_SLIPS_LENGTH ? 1 : 2);

/** The keys by which a typed word finds words that are spelt alike, and the beginnings of keys of words that end in it. */
export function keysOfTyped(word: string): { keys: string[]; beginnings: string[] } {
  const { length } = lettersOf(word);
  if (!isMisspellable(length)) return { keys: [], beginnings: [] };
  const keys = [...spellingsOf(word)].flatMap((spelling) => [...keysOf(spelling, slipsIn(length))]);
  const beginnings = length >= TAIL_LENGTH_MIN ? [TAIL + lettersOf(word).reverse().join('')] : [];
  return { keys: [...new Set(keys)], beginnings };
}

/** Letters to add, leave out, replace or exchange with their neighbour, to make one word of another; more than `most` is `most + 1`. */
function slipsBetween(one: readonly string[], other: readonly string[], most: number): number {
  if (Math.abs(one.length - other.length) > most) return most + 1;
  let before: number[] = [];
  let row = Array.from({ length: other.length + 1 }, (_, at) => at);
  for (let i = 1; i <= one.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= other.length; j += 1) {
      const same = one[i - 1] === other[j - 1];
      let slips = Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + (same ? 0 : 1));
      if (i > 1 && j > 1 && one[i - 1] === other[j - 2] && one[i - 2] === other[j - 1])
        slips = Math.min(slips, before[j - 2]! + 1);
      next.push(slips);
    }
    before = row;
    row = next;
  }
  return Math.min(row[other.length]!, most + 1);
}

/** The slips between two spellings, or between the sounds of them. */
function slipsFrom(typed: string, form: string, most: number): number {
  const [letters, near] = [lettersOf(typed), lettersOf(form)];
  if (letters.length <= SHORT && near[0] !== letters[0]) return most + 1;
  const slips = slipsBetween(letters, near, most);
  const [sound, nearSound] = [soundOf(typed), soundOf(form)];
  if (sound === typed && nearSound === form) return slips;
  return Math.min(slips, Math.max(1, slipsBetween(lettersOf(sound), lettersOf(nearSound), most)));
}

/** The slips by which a typed word is a misspelling of a word of the shop; undefined if it is none. Words that end in it come last. */
export function misspelt(typed: string, word: string): number | undefined {
  const letters = lettersOf(typed);
  if (!isMisspellable(letters.length)) return undefined;
  const most = slipsIn(letters.length);
  let least = Math.min(...formsOf(word).map((form) => slipsFrom(typed, form, most)));
  if (least === 2 && !sameStart(letters, lettersOf(word))) least = most + 1;
  if (least > 0 && least <= most) return least;
  return letters.length >= TAIL_LENGTH_MIN && word.endsWith(typed) && word !== typed ? most + 1 : undefined;
}

/** Whether one of the first two letters is where it belongs or beside it: two slips in a row make another word. */
const sameStart = (one: readonly string[], other: readonly string[]): boolean =>
  one[0] === other[0] || (one[0] === other[1] && one[1] === other[0]);
