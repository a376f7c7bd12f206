import { type PhoneCountry, phoneOf, plainDigits } from './phone.ts';
import { foldText, termsIn, type Wanted, wantedIn } from './words.ts';

/** The fewest digits of a phone number that are searched for: fewer are in too many numbers. */
const DIGITS_MIN = 4;
const DIGITS_MAX = 20;
/** A text that may be a part of a phone number. */
const PHONE_PART = /^[+\d\s().\p{Pd}/\u2212]+$/u;

const onlyDigits = (text: string): string =>
  plainDigits(text)
    .replaceAll(/[^0-9]/g, '')
    .slice(0, DIGITS_MAX);
const ofAddress = (text: string): string => `e:${foldText(text.trim())}`;
const ofName = (term: string): string => `n:${term}`;
const ofDigits = (digits: string): string => `p:${digits}`;

/** Each run of digits within these. */
function* runsOf(digits: string): Generator<string> {
  for (let from = 0; from + DIGITS_MIN <= digits.length; from += 1) {
    for (let to = from + DIGITS_MIN; to <= digits.length; to += 1) yield digits.slice(from, to);
  }
}

interface Person {
  readonly email: string;
  readonly name: string;
  readonly phone: string | null;
}

/** The terms that find a person: the whole e-mail address, each word of the name, each part of the phone number. */
export function termsOfPerson({ email, name, phone }: Person, country: PhoneCountry | undefined): string[] {
  const terms = new Set([ofAddress(email), ...termsIn(name).map(ofName)]);
  for (const digits of phone === null ? [] : numbersIn(phone, country)) {
    for (const run of runsOf(digits)) terms.add(ofDigits(run));
  }
  return [...terms];
}

/** The digits that were typed, and those of the number in E.164 when they are one. */
function numbersIn(typed: string, country: PhoneCountry | undefined): string[] {
  const found = phoneOf(typed, country);
  return [onlyDigits(typed), ...(typeof found === 'string' ? [] : [onlyDigits(found.e164)])];
}

function wantedNumbers(typed: string, country: PhoneCountry | undefined): Wanted {
  // Abroad the prefix of a number at home is left out, and so are two zeros before the code of a country.
  const forms = numbersIn(typed, country).flatMap((digits) => [digits, digits.replace(/^0+/, '')]);
  return [...new Set(forms)].filter(({ length }) => length >= DIGITS_MIN).map((digits) => [ofDigits(digits)]);
}

/** The alternatives that a typed text stands for: a person must have all terms of one of them. Without any, nobody is found. */
export function wantedPeople(typed: string, country: PhoneCountry | undefined): readonly (readonly Wanted[])[] {
  const text = typed.trim();
  if (/^\S+@\S+$/u.test(text)) return [[[[ofAddress(text)]]]];
  const named = /[\p{L}\p{N}]/u.test(foldText(text)) ? wantedIn(text) : [];
  const names = named.map((forms) => forms.map((terms) => terms.map(ofName)));
  const numbers = PHONE_PART.test(plainDigits(text)) ? wantedNumbers(text, country) : [];
  return [...(names.length === 0 ? [] : [names]), ...(numbers.length === 0 ? [] : [[numbers]])];
}
