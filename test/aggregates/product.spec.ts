import { productDecider, type ProductEvent, type ProductListed } from '../../src/aggregates/product.ts';
import { given } from '../support/given.ts';
import { picture } from '../support/pictures.ts';

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

  it('names the picture that another one replaces, or that is removed', () => {
    const changed = (key: string, replaced: string | null): ProductEvent => ({
      type: 'ProductImageChanged',
      data: { image: picture(key), replaced },
    });
    const change = (key: string, by = 'ben') =>
      ({ type: 'ChangeProductImage', data: { by, image: picture(key) } }) as const;
    const remove = (by = 'ben') => ({ type: 'RemoveProductImage', data: { by } }) as const;
    const removed = { type: 'ProductImageRemoved', data: { replaced: 'second' } } as const;
    given(productDecider, listed).when(change('first')).then(changed('first', null));
    given(productDecider, listed, changed('first', null)).when(change('second')).then(changed('second', 'first'));
    given(productDecider, listed, changed('second', 'first')).when(remove()).then(removed);
    given(productDecider, listed, changed('second', 'first'), removed)
      .when(change('third'))
      .then(changed('third', null));
    given(productDecider, listed).when(remove()).thenNothing();
    for (const intent of [change('theirs', 'cleo'), remove('cleo')]) {
      given(productDecider, listed, changed('first', null)).when(intent).thenRefused('ProductUnknown');
    }
    given(productDecider, listed, changed('first', null))
      .when({ type: 'DelistProduct', data: { by: 'ben' } })
      .then({ type: 'ProductImageRemoved', data: { replaced: 'first' } }, delisted);
    given(productDecider, listed, delisted).when(change('late')).thenRefused('ProductUnknown');
  });

  it('is hidden before it is listed, when it begins as a draft, and shown when it becomes active', () => {
    const drafted: ProductEvent = { type: 'ProductStatusChanged', data: { status: 'draft' } };
    const shown: ProductEvent = { type: 'ProductStatusChanged', data: { status: 'active' } };
    given(productDecider)
      .when({ type: 'ListProduct', data: { ...listed.data, status: 'draft' } })
      .then(drafted, listed);
    given(productDecider)
      .when({ type: 'ListProduct', data: { ...listed.data, status: 'active' } })
      .then(listed);
    given(productDecider, drafted, listed)
      .when(update({ status: 'draft' }))
      .thenNothing();
    given(productDecider, drafted, listed)
      .when(update({ status: 'active' }))
      .then(shown);
    given(productDecider, drafted, listed, shown)
      .when(update({ status: 'active' }))
      .thenNothing();
    given(productDecider, listed)
      .when(update({ status: 'active' }))
      .thenNothing();
    given(productDecider, listed)
      .when(update({ status: 'inactive' }))
      .then({ type: 'ProductStatusChanged', data: { status: 'inactive' } });
    given(productDecider, drafted, listed).when(delist('ben')).then(delisted);
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

  it('changes its SKU at the claims that it has now, and its spelling at any', () => {
    const sku = (wanted: string | null, more: object = {}) => update({ sku: wanted, ...more });
    given(productDecider, listed)
      .when(sku('TEA-2', { claimEpoch: 1 }))
      .then({ type: 'ProductUpdated', data: { sku: 'TEA-2' } });
    given(productDecider, listed)
      .when(sku(null, { claimEpoch: 1 }))
      .then({ type: 'ProductUpdated', data: { sku: null } });
    for (const epoch of [{}, { claimEpoch: 0 }, { claimEpoch: 2 }]) {
      given(productDecider, listed).when(sku('TEA-2', epoch)).thenRefused('ClaimOutdated');
    }
    given(productDecider, listed)
      .when(sku('tea-1'))
      .then({ type: 'ProductUpdated', data: { sku: 'tea-1' } });
    given(productDecider, listed).when(sku('TEA-1')).thenNothing();
  });

  it('has a change to a SKU fenced by what happened to its claims meanwhile', () => {
    const claimed = { type: 'ProductClaimAbandoned', data: { claim: 'sku-1' } } as const;
    const abandon = { type: 'AbandonProductClaim', data: { claim: 'sku-1', claimEpoch: 1 } } as const;
    const renamed: ProductEvent = { type: 'ProductUpdated', data: { sku: 'TEA-2' } };
    given(productDecider, listed).when(abandon).then(claimed);
    for (const event of [claimed, renamed]) {
      given(productDecider, listed, event).when(abandon).thenNothing();
      given(productDecider, listed, event)
        .when(update({ sku: 'TEA-3', claimEpoch: 1 }))
        .thenRefused('ClaimOutdated');
      given(productDecider, listed, event)
        .when(update({ sku: 'TEA-3', claimEpoch: 2 }))
        .then({ type: 'ProductUpdated', data: { sku: 'TEA-3' } });
    }
    given(productDecider, listed, delisted).when(abandon).thenNothing();
  });

  it('is not listed after its listing was abandoned, and only a listing that never was can be', () => {
    const abandoned: ProductEvent = { type: 'ProductAbandoned', data: {} };
    const abandon = { type: 'AbandonProduct', data: {} } as const;
    given(productDecider).when(abandon).then(abandoned);
    given(productDecider, abandoned).when(list).thenRefused('ProductExpired');
    for (const past of [[listed], [listed, delisted], [abandoned]]) {
      given(productDecider, ...past)
        .when(abandon)
        .thenNothing();
    }
    given(productDecider, abandoned)
      .when(update({ name: 'Fine tea' }))
      .thenRefused('ProductUnknown');
  });
});
