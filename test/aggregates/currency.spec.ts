import { currencyDecider, type CurrencyChosen } from '../../src/aggregates/currency.ts';
import { given } from '../support/given.ts';

const chosen = (currency: string): CurrencyChosen => ({ type: 'CurrencyChosen', data: { currency } });

describe('the currency of a log', () => {
  it('is chosen once', () => {
    given(currencyDecider)
      .when({ type: 'ChooseCurrency', data: { currency: 'EUR' } })
      .then(chosen('EUR'));
    given(currencyDecider, chosen('EUR'))
      .when({ type: 'ChooseCurrency', data: { currency: 'EUR' } })
      .thenNothing();
  });

  it('never becomes another', () => {
    given(currencyDecider, chosen('EUR'))
      .when({ type: 'ChooseCurrency', data: { currency: 'JPY' } })
      .thenRefused('OtherCurrency');
  });
});
