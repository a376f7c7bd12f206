import type { Command, Decider } from '../engine/decide/decider.ts';
import { reject } from '../errors.ts';

/** The id of the log's one stream of this kind. */
export const CURRENCY_ID = 'shop';
export const CURRENCY_STREAM = `currency-${CURRENCY_ID}`;

// NOTE: these names and shapes are the storage format; version them with care.
/** The currency (ISO 4217) of every price and amount in this log. It never changes. */
export type CurrencyChosen = { type: 'CurrencyChosen'; data: { currency: string } };

export type ChooseCurrency = Command<'ChooseCurrency', CurrencyChosen['data']>;

export interface CurrencyState {
  readonly currency: string | null;
}

export const currencyDecider: Decider<CurrencyState, ChooseCurrency, CurrencyChosen> = {
  category: 'currency',
  snapshotVersion: 1,
  initial: { currency: null },
  evolve(state, { data: { currency } }) {
    return { currency: state.currency ?? currency };
  },
  decide({ data }, { currency }) {
    if (currency === data.currency) return [];
    if (currency !== null) reject('OtherCurrency', `This shop sells in ${currency}, not in ${data.currency}.`);
    return [{ type: 'CurrencyChosen', data }];
  },
};
