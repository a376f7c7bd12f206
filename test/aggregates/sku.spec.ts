import { expect } from 'chai';
import fc from 'fast-check';
import { sameSku, skuKey, skuOf } from '../../src/aggregates/sku.ts';
import { RUNS } from '../support/properties.ts';

describe('the SKU of a product', () => {
  it('is stored as it was typed, without what nobody sees', () => {
    expect(skuOf('  Pen-1 ')).to.equal('Pen-1');
    expect(skuOf('Pen \u00a0\t 1')).to.equal('Pen 1');
    expect(skuOf('P\u200bE\ufeffN\u00ad\u0000')).to.equal('PEN');
    expect(skuOf('e\u0301')).to.equal('é');
    expect(skuOf('½ Ａ')).to.equal('½ Ａ');
  });

  it('is the same whatever its case, width and spaces', () => {
    for (const [one, other] of [
      ...[['pen-1', 'PEN-1'] as const, ['ＰＥＮ', 'pen'] as const, ['a\u3000b', 'A b'] as const],
      ...[['Σ', 'σ'] as const, ['é', 'E\u0301'] as const],
    ]) {
      expect(sameSku(one, other), `${one} ${other}`).to.equal(true);
    }
    for (const [one, other] of [['pen', 'pén'] as const, ['pen-1', 'pen1'] as const, ['0', 'O'] as const]) {
      expect(sameSku(one, other), `${one} ${other}`).to.equal(false);
    }
    expect([sameSku(null, null), sameSku(null, 'a'), sameSku('a', null)]).to.deep.equal([true, false, false]);
  });

  it('stays the same when it is stored, and once more', () => {
    const texts = fc.string({ unit: 'binary', maxLength: 12 });
    fc.assert(
      fc.property(texts, (text) => {
        expect(skuOf(skuOf(text))).to.equal(skuOf(text));
        expect(skuKey(skuOf(text))).to.equal(skuKey(text));
      }),
      RUNS,
    );
  });
});
