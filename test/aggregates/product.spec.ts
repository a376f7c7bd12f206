import { productDecider, type ProductEvent, type ProductListed } from '../../src/aggregates/product.ts';
import { given } from '../support/given.ts';

const listed: ProductListed = {
  type: 'ProductListed',
  data: {
    ...{ storeId: 'store', sellerId: 'ben', sku: 'TEA-1', name: 'Tea', description: 'Green' },
    ...{ price: 1_990, currency: 'EUR', categoryId: 'teas' },
  },
};
const delisted: ProductEvent = { type: 'ProductDelisted', data: {} };

const list = { type: 'ListProduct', data: listed.data } as const;
const eur = (amount: number) => ({ amount, currency: 'EUR' });
const update = (data: object) => ({ type: 'UpdateProduct', data: { by: 'ben', ...data } }) as const;
const delist = (by: string) => ({ type: 'DelistProduct', data: { by } }) as const;

describe('product', () => {
  it('is listed once, and not again after it was delisted', () => {
    given(productDecider).when(list).then(listed);
    given(productDecider, listed).when(list).thenRefused('ProductExists');
    given(productDecider, listed, delisted).when(list).thenRefused('ProductExists');
  });

  it('changes only in what is different', () => {
    given(productDecider, listed)
      .when(update({ name: 'Tea', description: 'Black', categoryId: 'black' }))
      .then({ type: 'ProductUpdated', data: { description: 'Black', categoryId: 'black' } });
    given(productDecider, listed)
      .when(update({ name: 'Tea', price: eur(1_990) }))
      .thenNothing();
  });

  it('has a change of price told apart from other changes', () => {
    given(productDecider, listed)
      .when(update({ name: 'Fine tea', price: eur(2_490) }))
      .then(
        { type: 'ProductUpdated', data: { name: 'Fine tea' } },
        { type: 'ProductPriceChanged', data: { price: 2_490, currency: 'EUR' } },
      );
    given(productDecider, listed)
      .when(update({ price: eur(2_490) }))
      .then({ type: 'ProductPriceChanged', data: { price: 2_490, currency: 'EUR' } });
  });

  it('is delisted once', () => {
    given(productDecider, listed).when(delist('ben')).then(delisted);
    given(productDecider, listed, delisted).when(delist('ben')).thenNothing();
  });

  it('is not there for another seller, delisted or not', () => {
    given(productDecider, listed)
      .when({ type: 'UpdateProduct', data: { by: 'cleo', price: eur(1) } })
      .thenRefused('ProductUnknown');
    given(productDecider, listed).when(delist('cleo')).thenRefused('ProductUnknown');
    given(productDecider, listed, delisted).when(delist('cleo')).thenRefused('ProductUnknown');
  });

  it('cannot be changed before it is listed nor after it was delisted', () => {
    given(productDecider)
      .when(update({ price: eur(1) }))
      .thenRefused('ProductUnknown');
    given(productDecider).when(delist('ben')).thenRefused('ProductUnknown');
    given(productDecider, listed, delisted)
      .when(update({ price: eur(1) }))
      .thenRefused('ProductUnknown');
  });
});
