/** Parts of a joined word that are also found as one word, at most, besides all parts together. */
const NEIGHBOURS_MAX = 3;
/** Longer words are cut, in texts as in what is searched for. An index has a bound. */
export const WORD_LENGTH_MAX = 64;

/** Letters that no Unicode form takes apart, as people without them on their keyboard type them. All are in lower case. */
const LETTERS: Readonly<Record<string, string>> = {
  ...{ æ: 'ae', œ: 'oe', ø: 'o', ð: 'd', đ: 'd', þ: 'th', ħ: 'h', ł: 'l', ŧ: 't', ŋ: 'n', ə: 'e' },
  ...{ ƀ: 'b', ɓ: 'b', ɗ: 'd', ƙ: 'k', ƴ: 'y', ƶ: 'z', ɨ: 'i', ʉ: 'u', ς: 'σ', ґ: 'г' },
  // Arabic and Persian letters that are written for each other.
  ...{ ٱ: 'ا', ى: 'ي', ی: 'ي', ې: 'ي', ک: 'ك', ة: 'ه', ہ: 'ه', ھ: 'ه' },
};
const LETTER = new RegExp(`[${Object.keys(LETTERS).join('')}]`, 'gu');

/** The zeros of the scripts whose digits Unicode does not take for others. The nine digits follow. */
const ZEROS = [
  ...[0x0660, 0x06f0, 0x07c0, 0x0966, 0x09e6, 0x0a66, 0x0ae6, 0x0b66, 0x0be6, 0x0c66, 0x0ce6, 0x0d66],
  ...[0x0e50, 0x0ed0, 0x0f20, 0x1040, 0x17e0, 0x1810],
];
const DIGIT = /(?![0-9])\p{Nd}/gu;

/** Marks that a reader can do without. The vowel signs of Indic scripts and of Thai, and the two of kana, make other words. */
const MARK =
  /(?![\u3099\u309a])(?=\p{M})[\p{Script=Inherited}\p{Script=Common}\p{Script=Latin}\p{Script=Greek}\p{Script=Cyrillic}\p{Script=Hebrew}\p{Script=Arabic}\p{Script=Syriac}]/gu;

const NOT_ASCII = /[^\0-\x7f]/;
/** The signs of trade marks are letters to NFKD. Skin tones only change a picture. Lengthened Arabic letters are the same ones. */
const DROPPED = /[™℠\u0640\p{Emoji_Modifier}]|(?!\u200b)\p{Default_Ignorable_Code_Point}/gu;
const APART = /[\u200b¼-¾⅐-⅞↉]/gu;
const APOSTROPHE = /[´`’‘‛′ʹʻʼʽʾʿˈ׳״]/gu;

const digitOf = (sign: string): string => {
  const code = sign.codePointAt(0)!;
  const zero = ZEROS.find((start) => code >= start && code < start + 10);
  return zero === undefined ? sign : String(code - zero);
};

/**
 * A text as it is compared: in one case, without accents, in one form of each letter, digit, dash and apostrophe. It depends on no
 * locale, neither of this process nor of a database, so what is stored and what is searched for come out alike everywhere.
 */
export function foldText(text: string): string {
  if (!NOT_ASCII.test(text)) return text.replaceAll('`', "'").toLowerCase();
  return (
    text
      .replace(APOSTROPHE, "'")
      // A joint that cannot be seen: some type it, some a space or nothing.
      .replaceAll('\u200c', '-')
      .replace(DROPPED, '')
      .replace(APART, ' $& ')
      .normalize('NFKD')
      .replace(APOSTROPHE, "'")
      .replace(/[\p{Pd}−]/gu, '-')
      .replace(/[⁄∕]/gu, '/')
      .replace(MARK, '')
      // Upper case takes ß and its like apart, and makes one letter of i and ı.
      .toLowerCase()
      .toUpperCase()
      .toLowerCase()
      .replace(LETTER, (letter) => LETTERS[letter]!)
      .replace(DIGIT, digitOf)
      .normalize('NFC')
  );
}

/** Whether there is nothing to be seen in a text. */
export const isBlank = (text: string): boolean => !/[^\s\p{Z}\p{C}\p{M}\p{Default_Ignorable_Code_Point}]/u.test(text);

/** Scripts that are written without spaces between words, and Hangul, whose words are compounds. */
const RUN =
  /[\p{Script_Extensions=Han}\p{Script_Extensions=Hiragana}\p{Script_Extensions=Katakana}\p{Script_Extensions=Bopomofo}\p{Script=Hangul}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}]+/gu;

/** Words, joined by one sign each, perhaps with signs that make another name of the last one (C++, C#); or a single sign. */
const WORD = String.raw`[\p{L}\p{N}\p{M}]+`;
const JOINER = String.raw`[-/.\\_'&@:·・]`;
const NAMING = String.raw`\+\+(?!\p{L})|[+#]+(?![\p{L}\p{N}])`;
const PIECES = new RegExp(`(${WORD}(?:${JOINER}${WORD})*)(${NAMING})?|[\\p{S}#%&@*_]`, 'gu');
const JOINT = new RegExp(`(${JOINER})`, 'u');
const NUMBER = /\p{N}$/u;
/** Digits on both sides of a point or a slash are two numbers: 3.5 is not 35. */
const TWO_NUMBERS = /^\p{N}[^-_]\p{N}/u;

interface Piece {
  /** The words between the joining signs. None: the piece is a sign. */
  readonly parts: readonly string[];
  /** All parts written as one word, if that is a word. */
  readonly joined?: string | undefined;
  /** Neighbouring parts written as one word. */
  readonly neighbours?: readonly string[];
  /** The last part with the signs that belong to it. */
  readonly named?: string | undefined;
  readonly sign?: string;
  /** The sign says what the number before it means, so it is typed for a purpose. */
  readonly told?: boolean;
}

/** Joins parts that stand at even places, with the sign between two at the odd place between them. */
function joinedIn(pieces: readonly string[]): Pick<Piece, 'joined' | 'neighbours'> {
  const neighbours: string[] = [];
  let joined: string | undefined;
  for (let from = 0; from < pieces.length; from += 2) {
    let word = pieces[from]!;
    for (let to = from + 2; to < pieces.length; to += 2) {
      if (TWO_NUMBERS.test(`${pieces[to - 2]!.at(-1)!}${pieces[to - 1]!}${pieces[to]!}`)) break;
      word += pieces[to]!;
      if (word.length > WORD_LENGTH_MAX) break;
      if (from === 0 && to === pieces.length - 1) joined = word;
      else if (to - from < 2 * NEIGHBOURS_MAX) neighbours.push(word);
    }
  }
  return { joined, neighbours };
}

function* piecesOf(text: string): Generator<Piece> {
  let last = '';
  for (const [piece, words, signs] of foldText(text).matchAll(PIECES)) {
    const before = last;
    last = piece;
    if (words === undefined) {
      yield { parts: [], sign: piece, told: piece === '%' && NUMBER.test(before) };
      continue;
    }
    const pieces = words.split(JOINT);
    const parts = pieces.filter((_, place) => place % 2 === 0);
    const named = signs === undefined ? undefined : cut(parts.at(-1)! + signs);
    yield { parts, named, ...(parts.length > 1 ? joinedIn(pieces) : {}) };
  }
}

const cut = (word: string): string =>
  word.length <= WORD_LENGTH_MAX ? word : Array.from(word).slice(0, WORD_LENGTH_MAX).join('');

/** The terms of a word. A run of a script without spaces has its pairs of letters; `single` adds the letters. */
function termsOf(word: string, single: boolean): string[] {
  if (!NOT_ASCII.test(word)) return [cut(word)];
  const terms: string[] = [];
  let at = 0;
  for (const { 0: run, index } of word.matchAll(RUN)) {
    if (index > at) terms.push(cut(word.slice(at, index)));
    const letters = Array.from(run);
    letters.forEach((letter, place) => {
      if (single || letters.length === 1) terms.push(letter);
      if (place > 0) terms.push(letters[place - 1]! + letter);
    });
    at = index + run.length;
  }
  if (at < word.length) terms.push(cut(word.slice(at)));
  return terms;
}

/** The terms by which a text is found, in its order, repeated where they are repeated. */
export function termsIn(text: string): string[] {
  const terms: string[] = [];
  for (const { parts, joined, neighbours = [], named, sign } of piecesOf(text)) {
    for (const word of [...parts, ...neighbours]) terms.push(...termsOf(word, true));
    if (joined !== undefined) terms.push(...termsOf(joined, true));
    if (named !== undefined) terms.push(named);
    if (sign !== undefined) terms.push(sign);
  }
  // Within a word it only joins, but people who type it alone look for it.
  if (text.includes('_')) terms.push('_');
  return terms;
}

/** One thing that is searched for: a text has it if it has all terms of one of its forms. */
export type Wanted = readonly (readonly string[])[];

const unique = (terms: readonly string[]): string[] => [...new Set(terms)];

/**
 * The words that were typed: a text is found if it has all of them. No sign is an operator. Signs that make no word count only where
 * nothing else was typed, and % after a number. An empty list finds nothing.
 */
export function wantedIn(typed: string): Wanted[] {
  const words = new Map<string, Wanted>();
  const signs = new Map<string, Wanted>();
  for (const { parts, joined, named, sign, told } of piecesOf(typed)) {
    if (sign !== undefined) (told ? words : signs).set(sign, [[sign]]);
    else {
      const all = unique([...parts.flatMap((part) => termsOf(part, false)), ...(named === undefined ? [] : [named])]);
      const wanted = joined === undefined || named !== undefined ? [all] : [all, unique(termsOf(joined, false))];
      words.set(JSON.stringify(wanted), wanted);
    }
  }
  return [...(words.size > 0 ? words : signs).values()];
}

/** Characters of a name that are compared as a whole, at most. */
const NAME_COMPARED_MAX = 100;
const BETWEEN = /[^\p{L}\p{N}\p{M}\p{S}#%&@*_]+/gu;

/** A whole name as it is compared with all that was typed: its letters, digits and signs, with one space for all that separates them. */
export const wholeName = (name: string): string =>
  Array.from(foldText(name).replace(BETWEEN, ' ').trim()).slice(0, NAME_COMPARED_MAX).join('').trimEnd();

const SPELLED = new RegExp(`^(?!.*${RUN.source})\\p{L}[\\p{L}\\p{M}]+$`, 'u');

/** Whether a term is a word of letters alone, in a script that separates words: one that has other forms and can be misspelt. */
export const isSpelled = (term: string): boolean => SPELLED.test(term);
