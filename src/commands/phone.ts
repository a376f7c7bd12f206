import { formerPhone, formerPhones, type NoPhone, type PhoneCountry, phoneOf } from '../aggregates/phone.ts';
import { invalid } from '../errors.ts';
import { claim, PEOPLE, refuseTaken } from './auth.ts';
import { type Claim, holderOf } from './claim.ts';
import type { CommandContext } from './contract.ts';

const EXAMPLE = 'a plus and the country code, such as +44 20 7946 0018';
const REASONS: Readonly<Record<NoPhone, string>> = {
  'no country': `must be a phone number that begins with ${EXAMPLE}`,
  foreign: `must be a phone number with ${EXAMPLE}: without them it may be one of another country`,
  invalid: `must be a phone number that exists, without an extension; begin it with ${EXAMPLE}`,
};

interface PhoneSettings {
  readonly phoneDefaultCountry: PhoneCountry | undefined;
}

/** A typed phone number in E.164: the form in which it is stored, shown and compared. Refuses a text that is none, naming the field `phone`. */
export function storedPhone(typed: string, { phoneDefaultCountry }: PhoneSettings): string {
  const found = phoneOf(typed, phoneDefaultCountry);
  return typeof found === 'string' ? invalid('phone', REASONS[found]) : found.e164;
}

/** For `check` of a contract: the field may be absent or of any type. */
export function checkPhone({ phone }: Readonly<Record<string, unknown>>, settings: PhoneSettings): void {
  if (typeof phone === 'string') storedPhone(phone, settings);
}

export const phoneClaim = (context: CommandContext, stored: string): string =>
  `phone-${context.services.personalData.blindIndex('phone', stored)}`;

/**
 * Claims a number in E.164 for a person, or refuses. Earlier versions claimed what was typed, without separators: a person who still
 * uses the number in such a form has it.
 */
export async function claimPhone(
  context: CommandContext,
  { stored, typed }: { readonly stored: string; readonly typed: string },
  holder: string,
): Promise<Claim> {
  const { phoneDefaultCountry } = context.services.settings;
  const forms = new Set([formerPhone(typed), ...formerPhones(stored, phoneDefaultCountry)]);
  forms.delete(stored);
  const holders = await Promise.all([...forms].map((form) => holderOf(context, phoneClaim(context, form), PEOPLE)));
  if (holders.some((found) => found !== undefined && found.id !== holder)) refuseTaken('phone');
  return claim(context, 'phone', phoneClaim(context, stored), holder);
}
