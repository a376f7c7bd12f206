import { expect } from 'chai';
import { fulfilment } from '../../src/handlers/fulfilment.ts';
import { membership } from '../../src/handlers/sellerRole.ts';
import { notification } from '../../src/handlers/notification.ts';
import { payment } from '../../src/handlers/payment.ts';
import type { Projection } from '../../src/engine/project/projection.ts';
import { categories } from '../../src/projections/categories.ts';
import { projections } from '../../src/projections/index.ts';
import { orders } from '../../src/projections/orders.ts';
import { products } from '../../src/projections/products.ts';
import { stores } from '../../src/projections/stores.ts';
import { users } from '../../src/projections/users.ts';
import { samples } from '../aggregates/samples.ts';

/** Events that only their own aggregate reads, each with the reason. */
const UNHEARD: Readonly<Record<string, string>> = {
  RegistrationAbandoned:
    'nobody ever was registered, so there is nobody to show; the claim on their e-mail is taken over',
  CategoryAbandoned: 'as for a registration: it never was, and the claim on its name is taken over',
  CategoryRemoved: 'what may be put below it is decided by the tree itself; the deletion is shown by the category',
  ProductAbandoned: 'as for a category: it never was listed',
  ValueClaimed: 'uniqueness is decided by the claim itself; what is claimed is shown by its holder',
  ClaimReleased: 'as for its claiming',
  LinkMailAllowed: 'how many mails went to an address is decided by the stream itself',
  AdminRetired: 'that an admin is left is decided by the stream itself; the role is shown by its user',
  AdminReinstated: 'as for retiring',
  RebuildRequested: 'the act is in the log for those who browse it; the rebuild itself is shown by its read model',
  DeadLetterRetried: 'as for a rebuild; the dead letter itself shows what became of it',
  DeadLetterSkipped: 'as for a retry',
  CurrencyChosen: 'every start reads it from its stream; rows and amounts name their currency themselves',
  UnpaidOrderOpened: 'the bounds of unpaid orders are decided by the stream itself',
  UnpaidOrderClosed: 'as for its opening',
  OrderAbandoned: 'it never was an order; what its checkout held is given back by whoever fenced it',
};

describe('every event', () => {
  const reactions = [...Object.keys(fulfilment.on), ...Object.keys(membership.on)];
  const subscriptions = [payment({} as never), notification({} as never)].flatMap(({ types }) => types);
  const heard = new Set([...projections.flatMap(({ on }) => Object.keys(on)), ...reactions, ...subscriptions]);
  const declared = samples.flatMap(({ events }) => events.map(({ type }) => type));

  it('is heard by a read model or a handler, or it is said why not', () => {
    expect(declared.filter((type) => !heard.has(type))).to.have.members(Object.keys(UNHEARD));
  });

  it('that a projection or handler listens for is declared by the domain', () => {
    expect([...heard].filter((type) => !declared.includes(type))).to.deep.equal([]);
  });

  it('of a stream whose row is shown with an entity tag moves that tag, unless it leaves no row', () => {
    const TAGGED = [users, stores, categories, products, orders] as unknown as readonly Projection[];
    const silent = TAGGED.flatMap(({ of, on }) =>
      samples
        .filter(({ decider }) => decider.category === of)
        .flatMap(({ events }) => events.map(({ type }) => type).filter((type) => !Object.hasOwn(on, type))),
    );
    expect(silent).to.have.members([
      'RegistrationAbandoned',
      'CategoryAbandoned',
      'ProductAbandoned',
      'OrderAbandoned',
    ]);
  });
});
