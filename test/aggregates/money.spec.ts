import { expect } from 'chai';
import fc from 'fast-check';
import {
  add,
  compare,
  PRICE_MINOR_MAX,
  decimalsOf,
  sumOf,
  times,
  toMajor,
  toMinor,
} from '../../src/aggregates/money.ts';
import { RUNS } from '../support/properties.ts';

describe('money', () => {
  it('is added and compared within one currency only', () => {
    const [euros, more, yen] = [
      { amount: 1_990, currency: 'EUR' },
      { amount: 10, currency: 'EUR' },
      { amount: 1_990, currency: 'JPY' },
    ];
    expect(add(euros, more)).to.deep.equal({ amount: 2_000, currency: 'EUR' });
    expect(sumOf([euros, times(more, 3)], 'EUR')).to.deep.equal({ amount: 2_020, currency: 'EUR' });
    expect(sumOf([], 'KWD')).to.deep.equal({ amount: 0, currency: 'KWD' });
    expect([compare(euros, more) > 0, compare(more, euros) < 0, compare(euros, euros)]).to.deep.equal([true, true, 0]);
    const mixed = [() => add(euros, yen), () => compare(euros, yen), () => sumOf([euros, yen], 'EUR')];
    for (const mix of [...mixed, () => sumOf([yen], 'EUR')]) {
      expect(mix).to.throw(/An amount in (JPY|EUR) is no amount in (EUR|JPY)/);
    }
  });

  it('has as many decimals as its currency', () => {
    expect(['JPY', 'KRW', 'EUR', 'USD', 'IDR', 'KWD', 'BHD'].map(decimalsOf)).to.deep.equal([0, 0, 2, 2, 2, 3, 3]);
  });

  it('becomes minor units, from text and from numbers', () => {
    expect(toMinor('19.90', 'EUR')).to.equal(1_990);
    expect(toMinor('19.9', 'EUR')).to.equal(1_990);
    expect(toMinor('19', 'EUR')).to.equal(1_900);
    expect(toMinor(19.9, 'EUR')).to.equal(1_990);
    expect(toMinor('0.01', 'EUR')).to.equal(1);
    expect(toMinor('0', 'EUR')).to.equal(0);
    expect(toMinor('007.50', 'EUR')).to.equal(750);
    expect(toMinor('500', 'JPY')).to.equal(500);
    expect(toMinor('1.234', 'KWD')).to.equal(1_234);
    expect(toMinor('500000.00', 'IDR')).to.equal(50_000_000);
  });

  it('is not rounded: more decimals than the currency has are no amount', () => {
    expect(toMinor('19.905', 'EUR')).to.equal(undefined);
    expect(toMinor('19.900', 'EUR')).to.equal(undefined);
    expect(toMinor('1.5', 'JPY')).to.equal(undefined);
    expect(toMinor('1.2345', 'KWD')).to.equal(undefined);
    expect(toMinor(0.1 + 0.2, 'EUR')).to.equal(undefined);
  });

  it('is written in digits, and nothing else is an amount', () => {
    const others = ['1e3', '-1', '+1', '1.', '.5', '1,50', ' 1', '1\n', '', '0x10', 'NaN', 'Infinity', '١٢', '1_000'];
    for (const text of others) expect(toMinor(text, 'EUR'), JSON.stringify(text)).to.equal(undefined);
    for (const number of [-1, NaN, Infinity, 1e21, 1e-7]) {
      expect(toMinor(number, 'EUR'), String(number)).to.equal(undefined);
    }
  });

  it('has a limit', () => {
    expect(toMinor('1000000000.00', 'EUR')).to.equal(PRICE_MINOR_MAX);
    expect(toMinor('1000000000.01', 'EUR')).to.equal(undefined);
    expect(toMinor('9'.repeat(15), 'EUR')).to.equal(undefined);
    expect(toMinor('9'.repeat(400), 'EUR')).to.equal(undefined);
  });

  it('of an order may be more than any price, and is exact all the same', () => {
    expect(toMinor('49950000000000.00', 'EUR', Number.MAX_SAFE_INTEGER)).to.equal(4_995_000_000_000_000);
    expect(toMinor('999999999999999.99', 'EUR', Number.MAX_SAFE_INTEGER)).to.equal(undefined);
  });

  it('is shown in major units', () => {
    expect(toMajor(1_990, 'EUR')).to.equal(19.9);
    expect(toMajor(500, 'JPY')).to.equal(500);
    expect(toMajor(1_234, 'KWD')).to.equal(1.234);
    expect(toMajor(0, 'EUR')).to.equal(0);
  });

  it('comes back from major units as it was', () => {
    const currency = fc.constantFrom('JPY', 'EUR', 'KWD');
    fc.assert(
      fc.property(fc.integer({ min: 0, max: PRICE_MINOR_MAX }), currency, (minor, code) => {
        expect(toMinor(toMajor(minor, code), code)).to.equal(minor);
        expect(toMinor(String(toMajor(minor, code)), code)).to.equal(minor);
      }),
      RUNS,
    );
  });
});
