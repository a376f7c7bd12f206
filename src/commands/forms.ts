import { amountInWords, priceInWords, priceLimitInWords } from '../aggregates/money.ts';
import { PASSWORD_BYTES_MAX } from '../schema.ts';
import type { ShopSettings } from '../queries/contract.ts';

interface FormSettings extends Pick<ShopSettings, 'currency' | 'paymentMethods'> {
  readonly passwordMinLength: number;
}

export const methodsInWords = (methods: readonly string[]): string => `one of ${methods.join(', ')}`;

/** The forms of inputs that depend on settings, in words, by the titles of their schemas. Each completes "it must be …". */
export const formsOf = ({ currency, paymentMethods, passwordMinLength }: FormSettings) => ({
  Amount: amountInWords(currency, { above: true }),
  Price: priceInWords(currency),
  PriceLimit: priceLimitInWords(currency),
  PaymentMethod: methodsInWords(paymentMethods),
  NewPassword: `text of at least ${passwordMinLength} characters and at most ${PASSWORD_BYTES_MAX} bytes`,
});
