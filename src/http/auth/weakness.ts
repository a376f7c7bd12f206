import { COMMON_PASSWORDS, COMMON_WORDS } from './commonPasswords.ts';

/** A password with fewer different characters is a repetition. */
const DIFFERENT_MIN = 4;
/** The longest piece whose repetition is recognised. */
const REPEATED_MAX = 6;
/** The part of the steps from character to character, from which on a password counts as a sequence. */
const SEQUENCE_RATIO_MIN = 2 / 3;
/** How many digits and signs around a common word do not make it a good password. */
const DECORATION_MAX = 5;
/** Shorter words that a person is known by are not looked for: they are in many passwords by chance. */
const CONTEXT_WORD_MIN = 4;
/** The least length of a password without the names of its owner. */
const LEFT_MIN = 6;
const ROWS = ['qwertyuiop', 'asdfghjkl', 'zxcvbnm', 'qwertzuiop', 'yxcvbnm', 'azertyuiop', 'qsdfghjklm', '1234567890'];
const LEET: Readonly<Record<string, string>> = {
  '@': 'a',
  4: 'a',
  3: 'e',
  1: 'i',
  '!': 'i',
  0: 'o',
  $: 's',
  5: 's',
  7: 't',
};

/** The names of the password's owner and of the shop, which others know. */
export type PasswordContext = readonly (string | undefined)[];

/** The form in which passwords are compared with words: not the form in which they are hashed. */
export const comparable = (text: string): string => text.normalize('NFKC').toLowerCase();

const isCommon = (word: string): boolean => COMMON_PASSWORDS.has(word) || COMMON_WORDS.has(word);

/** A common password or word; perhaps with digits and signs around it, or digits and signs for letters. */
function isCommonPassword(password: string): boolean {
  const plain = password.replace(/\s+/g, '');
  if (COMMON_PASSWORDS.has(plain)) return true;
  const letters = plain.replace(/[@43105$7!]/g, (sign) => LEET[sign] ?? sign);
  return [plain, letters].some((form) => {
    const core = form.replace(/^[^\p{L}]+|[^\p{L}]+$/gu, '');
    const bare = form.replace(/^[^\p{L}\p{N}]+|[^\p{L}\p{N}]+$/gu, '');
    return isCommon(bare) || isCommon(form) || (isCommon(core) && plain.length - core.length <= DECORATION_MAX);
  });
}

function isRepetition(characters: readonly string[]): boolean {
  if (new Set(characters).size < DIFFERENT_MIN) return true;
  const pieces = Array.from({ length: REPEATED_MAX }, (_, index) => index + 1);
  return pieces.some(
    (length) =>
      characters.length >= 2 * length &&
      characters.every((character, index) => character === characters[index % length]),
  );
}

const isStep = (one: string, next: string): boolean =>
  Math.abs((one.codePointAt(0) ?? 0) - (next.codePointAt(0) ?? 0)) <= 1 ||
  ROWS.some((row) => row.includes(one + next) || row.includes(next + one));

/** `abcdefgh`, `87654321`, `qwertzui`, `abcd1234`. */
function isSequence(characters: readonly string[]): boolean {
  const steps = characters.slice(1).filter((next, index) => isStep(characters[index]!, next)).length;
  return steps >= (characters.length - 1) * SEQUENCE_RATIO_MIN;
}

/** The words that a person is known by, the longest first: an address counts as a whole and by its parts. */
function wordsOf(context: PasswordContext): string[] {
  const texts = context.flatMap((text) => (text === undefined ? [] : [comparable(text).trim()]));
  const parts = texts.flatMap((text) => [text, ...text.split(/[^\p{L}\p{N}]+/u), text.replace(/[^\p{L}\p{N}]+/gu, '')]);
  return [...new Set(parts)]
    .filter((word) => Array.from(word).length >= CONTEXT_WORD_MIN)
    .sort((one, other) => other.length - one.length);
}

function isOfContext(password: string, context: PasswordContext): boolean {
  const words = wordsOf(context);
  const left = words.reduce((rest, word) => rest.replaceAll(word, ''), password);
  return left !== password && left.replace(/[^\p{L}\p{N}]+/gu, '').length < LEFT_MIN;
}

/** Why a password would be guessed soon, as what completes "password …"; undefined when nothing speaks against it. */
export function weaknessOf(password: string, context: PasswordContext): string | undefined {
  const compared = comparable(password);
  const characters = Array.from(compared);
  if (isOfContext(compared, context))
    return 'is made of your e-mail address, your name or the name of the shop; choose another';
  if (isCommonPassword(compared)) return 'is one of the most common passwords, or nearly; choose another';
  if (isRepetition(characters)) return 'repeats a few characters; choose another';
  if (isSequence(characters)) return 'is a sequence, as of the alphabet or the keyboard; choose another';
  return undefined;
}
