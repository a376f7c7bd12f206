import { type CountryCode, getCountryCallingCode, parsePhoneNumberFromString } from 'libphonenumber-js/max';

/**
 * Phone numbers of accounts. Two of them are the same when their E.164 forms are equal. The library's metadata `max` is used, because it
 * knows the numbers of a country one by one; the smaller ones take a wrong length for right. It judges a number when somebody types it,
 * never a stored one: the numbers in use change with each update of the library.
 */
export type PhoneCountry = CountryCode;

/** Why a text is no phone number. `foreign`: it may be a number of more than one country, or of none. */
export type NoPhone = 'no country' | 'foreign' | 'invalid';

/** The zeros of scripts that people type digits in; nine more follow each. */
const ZEROS = [
  0x0660, 0x06f0, 0x07c0, 0x0966, 0x09e6, 0x0a66, 0x0ae6, 0x0b66, 0x0be6, 0x0c66, 0x0ce6, 0x0d66, 0x0e50, 0x0ed0,
  0x0f20, 0x1040, 0x17e0, 0x1810,
];
const UNSEEN = /\p{Default_Ignorable_Code_Point}|\p{Cf}/gu;
const FULL_WIDTH = /[\uff01-\uff5e]/g;
const FULL_WIDTH_OFFSET = 0xfee0;

function digitOf(character: string): string {
  const code = character.codePointAt(0)!;
  const zero = ZEROS.findLast((one) => one <= code);
  return zero !== undefined && code - zero < 10 ? String(code - zero) : character;
}

/** The text with the digits and signs of ASCII, and without characters that nobody sees. */
export const plainDigits = (typed: string): string =>
  typed
    .replaceAll(UNSEEN, '')
    .replaceAll(FULL_WIDTH, (one) => String.fromCharCode(one.charCodeAt(0) - FULL_WIDTH_OFFSET))
    .replaceAll(/\p{Nd}/gu, digitOf)
    .trim();

const onlyDigits = (text: string): string => text.replaceAll(/[^0-9]/g, '');

/** The number that a text is as a whole; undefined when it is none that exists, or has an extension. */
function read(text: string, country?: PhoneCountry) {
  const found = parsePhoneNumberFromString(text, {
    ...(country === undefined ? {} : { defaultCountry: country }),
    extract: false,
  });
  return found?.isValid() === true && found.ext === undefined ? found : undefined;
}

/**
 * Whether digits without a plus are a number abroad as well. They are clearly of this country when they are written as people there write
 * it, and do not begin with its own calling code.
 */
function isForeign(digits: string, { number, national }: { number: string; national: string }, country: PhoneCountry) {
  const abroad = read(`+${digits}`);
  if (abroad === undefined || abroad.number === number) return false;
  return digits.startsWith(getCountryCallingCode(country)) || onlyDigits(national) !== digits;
}

/** A typed phone number in E.164, or why it is none. `country`: that of numbers without a plus. */
export function phoneOf(typed: string, country: PhoneCountry | undefined): { readonly e164: string } | NoPhone {
  const text = plainDigits(typed);
  if (text.startsWith('+')) {
    const found = read(text);
    return found === undefined ? 'invalid' : { e164: found.number };
  }
  if (country === undefined) return 'no country';
  const found = read(text, country);
  if (found === undefined) return 'invalid';
  const { number } = found;
  return isForeign(onlyDigits(text), { number, national: found.formatNational() }, country)
    ? 'foreign'
    : { e164: number };
}

/** The form in which earlier versions claimed and stored phone numbers: digits, perhaps with a plus before them. */
export const formerPhone = (typed: string): string => typed.replaceAll(/[^0-9+]/g, '');

const isSame = (form: string, e164: string, country: PhoneCountry | undefined): boolean => {
  const found = phoneOf(form, country);
  return typeof found === 'object' && found.e164 === e164;
};

/** Other forms under which earlier versions may have stored this number: those that are read as this number today. */
export function formerPhones(e164: string, country: PhoneCountry | undefined): readonly string[] {
  const found = parsePhoneNumberFromString(e164, { extract: false });
  if (found === undefined) return [];
  const { countryCallingCode: code, nationalNumber: national } = found;
  const international = ['', '00', '011'].map((prefix) => `${prefix}${code}${national}`);
  const local = [national, `0${national}`, onlyDigits(found.formatNational())];
  const forms = new Set([...international, `+${code}0${national}`, ...local]);
  return [...forms].filter((form) => form !== e164 && isSame(form, e164, country));
}
