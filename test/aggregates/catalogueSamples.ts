import { categoryDecider } from '../../src/aggregates/category.ts';
import { categoryTreeDecider } from '../../src/aggregates/categoryTree.ts';
import { productDecider } from '../../src/aggregates/product.ts';
import { storeDecider } from '../../src/aggregates/store.ts';
import { type Sample, sample } from './sample.ts';

const NEW_FILES = 'each upload has files of its own; that it is the same command is known by its id';

const PARENT = '0197f2e4-6c1b-7c3e-9b1a-0a1b2c3d4e41';

const picture = {
  key: '0197f2e4-6c1b-7c3e-9b1a-0a1b2c3d4e40',
  ...{
    small: { width: 320, height: 240 },
    medium: { width: 800, height: 600 },
    large: { width: 1_600, height: 1_200 },
  },
};
const listed = {
  ...{ storeId: 's', sellerId: 'ben', sku: null, name: 'Tea', description: '' },
  ...{ price: 1_990, currency: 'EUR', categoryId: 'c' },
};

/** A sample of the events and commands of stores, categories and products. */
export const catalogueSamples: readonly Sample[] = [
  sample(
    storeDecider,
    {
      StoreOpened: { ownerId: 'ben', name: 'Ben’s', description: '' },
      StoreSuspended: { reason: 'fake goods' },
      StoreRestored: { reason: null },
      StoreUpdated: { name: 'Ben’s Teas' },
      StoreLogoChanged: { logo: picture, replaced: null },
      StoreLogoRemoved: { replaced: picture.key },
    },
    {
      OpenStore: { data: { ownerId: 'ben', name: 'Ben’s', description: '' } },
      UpdateStore: { after: ['StoreOpened'], data: { by: 'ben', name: 'Ben’s Teas' } },
      SuspendStore: { after: ['StoreOpened'], data: { reason: 'fake goods' } },
      RestoreStore: { after: ['StoreOpened', 'StoreSuspended'], data: { reason: null } },
      ChangeStoreLogo: { after: ['StoreOpened'], data: { by: 'ben', logo: picture }, again: NEW_FILES },
      RemoveStoreLogo: { after: ['StoreOpened', 'StoreLogoChanged'], data: { by: 'ben' } },
    },
  ),
  sample(
    categoryDecider,
    {
      CategoryCreated: { name: 'Books' },
      CategoryRenamed: { name: 'Novels' },
      CategoryDeleted: {},
      CategoryAbandoned: {},
      CategoryClaimAbandoned: { claim: 'category-1' },
    },
    {
      CreateCategory: { data: { name: 'Books' } },
      RenameCategory: { after: ['CategoryCreated'], data: { name: 'Novels', claimEpoch: 1 } },
      DeleteCategory: { after: ['CategoryCreated'], data: { productsInIt: 0 } },
      AbandonCategory: { data: {} },
      AbandonCategoryClaim: { after: ['CategoryCreated'], data: { claim: 'category-1', claimEpoch: 1 } },
    },
  ),
  sample(
    categoryTreeDecider,
    {
      CategoryPlaced: { categoryId: 'c', parentId: PARENT },
      CategoryRemoved: { categoryId: 'c' },
    },
    {
      PlaceCategory: { data: { categoryId: 'c', parentId: PARENT } },
      RemoveCategory: { data: { categoryId: 'c' } },
    },
  ),
  sample(
    productDecider,
    {
      ProductListed: listed,
      ProductUpdated: { description: 'Green' },
      ProductPriceChanged: { price: 2_490, currency: 'EUR' },
      ProductImageChanged: { image: picture, replaced: null },
      ProductStatusChanged: { status: 'draft' },
      ProductImageRemoved: { replaced: picture.key },
      ...{ ProductDelisted: {}, ProductAbandoned: {}, ProductClaimAbandoned: { claim: 'sku-1' } },
    },
    {
      ListProduct: { data: listed },
      UpdateProduct: {
        after: ['ProductListed'],
        data: { by: 'ben', description: 'Green', price: { amount: 2_490, currency: 'EUR' } },
      },
      ChangeProductImage: { after: ['ProductListed'], data: { by: 'ben', image: picture }, again: NEW_FILES },
      RemoveProductImage: { after: ['ProductListed', 'ProductImageChanged'], data: { by: 'ben' } },
      DelistProduct: { after: ['ProductListed'], data: { by: 'ben' } },
      AbandonProduct: { data: {} },
      AbandonProductClaim: { after: ['ProductListed'], data: { claim: 'sku-1', claimEpoch: 1 } },
    },
  ),
];
