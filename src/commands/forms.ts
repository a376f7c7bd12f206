import { amountInWords, priceInWords, priceLimitInWords } from '../aggregates/money.ts';
import { PASSWORD_BYTES_MAX } from '../schema.ts';
import type { ShopSettings } from '../queries/contract.ts';

interface FormSettings extends Pick<ShopSettings, 'currency' | 'paymentMethods' | 'phoneDefaultCountry'> {
  readonly passwordMinLength: number;
}

export const methodsInWords = (methods: readonly string[]): string => `one of ${methods.join(', ')}`;

const phoneInWords = (country: string | undefined): string =>
  country === undefined
    ? 'a phone number of 7 to 15 digits with its country code, such as +44 20 7946 0018'
    : `a phone number of 7 to 15 digits, with its country code or as in ${country}, such as +44 20 7946 0018`;

/** The forms of inputs that depend on settings, in words, by the titles of their schemas. Each completes "it must be …". */
export const formsOf = ({ currency, paymentMethods, passwordMinLength, phoneDefaultCountry }: FormSettings) => ({
  Amount: amountInWords(currency, { above: true }),
  Price: priceInWords(currency),
  PriceLimit: priceLimitInWords(currency),
  PaymentMethod: methodsInWords(paymentMethods),
  UserPhone: phoneInWords(phoneDefaultCountry),
  NewPassword: `text of at least ${passwordMinLength} characters and at most ${PASSWORD_BYTES_MAX} bytes`,
});
