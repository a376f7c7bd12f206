import { reject } from '../errors.ts';

/** An amount of money. An amount without its currency is a number, not money. */
export interface Money {
  /** Minor units. */
  readonly amount: number;
  /** ISO 4217. */
  readonly currency: string;
}

/** Throws unless both amounts are in one currency. Returns the first. */
export function inCurrencyOf<M extends Pick<Money, 'currency'>>(money: M, { currency }: Pick<Money, 'currency'>): M {
  if (money.currency === currency) return money;
  return reject('OtherCurrency', `An amount in ${money.currency} is no amount in ${currency}.`);
}

/** Throws when the amounts are in two currencies. */
export const add = (one: Money, other: Money): Money => ({
  amount: one.amount + inCurrencyOf(other, one).amount,
  currency: one.currency,
});

/** The sum of amounts in one currency. Throws when one of them is in another. */
export const sumOf = (amounts: readonly Money[], currency: string): Money =>
  amounts.reduce(add, { amount: 0, currency });

export const times = ({ amount, currency }: Money, factor: number): Money => ({ amount: amount * factor, currency });

/** Below 0 when `one` is less than `other`, above 0 when it is more. Throws when they are in two currencies. */
export const compare = (one: Money, other: Money): number => inCurrencyOf(one, other).amount - other.amount;

/** The highest price of a product, minor units: the total of a full order at this price is still an exact integer. */
export const PRICE_MINOR_MAX = 100_000_000_000;

const DECIMALS: Readonly<Record<string, number>> = {
  BHD: 3,
  IQD: 3,
  JOD: 3,
  KWD: 3,
  LYD: 3,
  OMR: 3,
  TND: 3,
  BIF: 0,
  CLP: 0,
  DJF: 0,
  GNF: 0,
  ISK: 0,
  JPY: 0,
  KMF: 0,
  KRW: 0,
  PYG: 0,
  RWF: 0,
  UGX: 0,
  VND: 0,
  VUV: 0,
  XAF: 0,
  XOF: 0,
  XPF: 0,
};

/** Decimals of an ISO 4217 currency. */
export const decimalsOf = (currency: string): number => DECIMALS[currency] ?? 2;

const AMOUNT = /^(\d{1,15})(?:\.(\d{1,6}))?$/;

/** Converts `"19.90"` or `19.9` to minor units; undefined when it is not such an amount, has too many decimals or exceeds `most`. */
export function toMinor(amount: string | number, currency: string, most: number = PRICE_MINOR_MAX): number | undefined {
  const match = AMOUNT.exec(String(amount));
  if (match === null) return undefined;
  const [, whole = '', fraction = ''] = match;
  const decimals = decimalsOf(currency);
  if (fraction.length > decimals) return undefined;
  const minor = Number(whole + fraction.padEnd(decimals, '0'));
  return minor <= most ? minor : undefined;
}

interface AmountBounds {
  /** Whether the amount is more than 0. */
  readonly above?: boolean;
  /** Minor units. */
  readonly most?: number;
}

/** The form of an amount, as the end of "it must be …". */
export function amountInWords(currency: string, { above = false, most }: AmountBounds): string {
  const decimals = decimalsOf(currency);
  const least = above ? 'above 0' : 'of at least 0';
  const limit = most === undefined ? '' : ` and at most ${toMajor(most, currency)}`;
  const places = decimals === 0 ? 'without decimals' : `with at most ${decimals} decimals`;
  const example = decimals === 0 ? '1990' : (19.9).toFixed(decimals);
  return `an amount of money in ${currency} ${least}${limit}, ${places}, such as ${example}`;
}

export const priceInWords = (currency: string): string =>
  amountInWords(currency, { above: true, most: PRICE_MINOR_MAX });
/** Of a price that others are compared with. */
export const priceLimitInWords = (currency: string): string => amountInWords(currency, { most: PRICE_MINOR_MAX });

/** Converts minor units to a number in major units, as the REST API shows it. */
export const toMajor = (minor: number, currency: string): number => minor / 10 ** decimalsOf(currency);
