import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import { outcomeUnknown } from '../../src/eventstore/appendQueue.ts';
import { carryOut } from '../../src/engine/decide/carryOut.ts';
import type { Actor, Origin } from '../../src/engine/decide/context.ts';
import { commands } from '../../src/commands/index.ts';
import { unavailable } from '../../src/errors.ts';
import type { EventStore } from '../../src/eventstore/eventStore.ts';
import { NOW } from '../support/given.ts';
import { admin, buyer, dataOf, openMemoryShop, seller, type Input, type MemoryShop } from '../support/memoryShop.ts';

/** More appends than any command makes. */
const APPENDS_MAX = 12;
const ALWAYS = Number.POSITIVE_INFINITY;

interface Asked {
  readonly name: string;
  readonly actor: Actor;
  readonly input: Input;
  /** The type of the event that shows that the command has happened. */
  readonly shows: string;
}

const ADDRESS = { shipping_address: 'York' };

/** Each command on what it needs. Commands of signing in are no part of a shop in memory; they read nothing after their effect. */
const SCENES: Readonly<Record<string, (shop: MemoryShop) => Promise<Asked>>> = {
  PlaceOrder: async (shop) => {
    const ann = buyer();
    await shop.fill(ann, [await shop.list(5), 1], [await shop.list(5), 1]);
    return { name: 'PlaceOrder', actor: ann, input: { body: ADDRESS }, shows: 'OrderPlaced' };
  },
  RegisterUser: () => {
    const body = { email: 'ann@example.com', password: 'correct horse', name: 'Ann', phone: '+4930123456' };
    return Promise.resolve({ name: 'RegisterUser', actor: buyer(), input: { body }, shows: 'UserRegistered' });
  },
  AddCartItem: async (shop) => {
    const body = { product_id: await shop.list(5), quantity: 1 };
    return { name: 'AddCartItem', actor: buyer(), input: { body }, shows: 'CartItemAdded' };
  },
  CreateCategory: () =>
    Promise.resolve({
      name: 'CreateCategory',
      actor: admin,
      input: { body: { name: 'Tea' } },
      shows: 'CategoryCreated',
    }),
  RenameCategory: async (shop) => {
    const { id } = dataOf(await shop.ask('CreateCategory', admin, { body: { name: 'Tea' } }));
    const input = { params: { id } as object, body: { name: 'Coffee' } };
    return { name: 'RenameCategory', actor: admin, input, shows: 'CategoryRenamed' };
  },
  ListProduct: async (shop) => {
    const { id } = dataOf(await shop.ask('CreateCategory', admin, { body: { name: 'Tea' } }));
    const body = { name: 'Sencha', price: '3.00', stock: 4, category_id: id };
    return { name: 'ListProduct', actor: seller(), input: { body }, shows: 'ProductListed' };
  },
  CancelOrder: async (shop) => {
    const ann = buyer();
    await shop.fill(ann, [await shop.list(5), 1]);
    const { id } = dataOf(await shop.ask('PlaceOrder', ann, { body: ADDRESS }));
    return { name: 'CancelOrder', actor: ann, input: { params: { id } }, shows: 'OrderCancelled' };
  },
};

/** Once `appends` appends were made, the next `faults` calls that read the log are refused. */
function readersCut(store: EventStore, appends: number, faults: number): EventStore {
  let left = appends;
  let failing = faults;
  const reading = <T>(work: () => Promise<T>): Promise<T> => {
    if (left > 0 || failing <= 0) return work();
    failing -= 1;
    return Promise.reject(unavailable('DatabaseUnavailable', 'The database does not answer; try again.'));
  };
  return {
    ...store,
    async append(...parameters) {
      const result = await store.append(...parameters);
      left -= 1;
      return result;
    },
    read: (...parameters) => reading(() => store.read(...parameters)),
    find: (...parameters) => reading(() => store.find(...parameters)),
  };
}

/** The append after `appends` others is made, but the caller is told that its outcome is unknown. */
function answerLost(store: EventStore, appends: number): EventStore {
  let left = appends;
  return {
    ...store,
    async append(...parameters) {
      const result = await store.append(...parameters);
      left -= 1;
      if (left === -1) throw outcomeUnknown();
      return result;
    },
  };
}

async function carriedOver(shop: MemoryShop, over: EventStore, { name, actor, input }: Asked) {
  const contract = commands.find((command) => command.name === name)!;
  const id = randomUUID();
  const origin: Origin = { id, repeatable: false, actor, now: NOW, correlationId: id };
  await shop.personalData.createKey(actor.id);
  const { params = {}, body = {} } = input;
  return carryOut({
    ...{ origin, services: shop.another(over) },
    run: (context) => contract.run({ params, body } as never, context),
  });
}

describe('a command whose effect is recorded', () => {
  for (const [name, sceneOf] of Object.entries(SCENES)) {
    const happened = async (shop: MemoryShop, { shows }: Asked): Promise<number> =>
      (await shop.log()).filter(({ type }) => type === shows).length;

    for (const faults of [1, ALWAYS]) {
      it(`${name} never answers an error when ${faults === 1 ? 'a read' : 'every read'} of the log fails after an append`, async function () {
        this.timeout(60_000);
        for (let appends = 1; appends < APPENDS_MAX; appends += 1) {
          const shop = openMemoryShop();
          const asked = await sceneOf(shop);
          const before = await happened(shop, asked);
          const carried = await carriedOver(shop, readersCut(shop.store, appends, faults), asked);
          const effects = (await happened(shop, asked)) - before;
          expect(effects, `after ${appends}`).to.equal(carried.kind === 'failed' ? 0 : 1);
          if (faults === 1 && effects === 1) expect(carried.kind, `after ${appends}`).to.equal('answered');
        }
      });
    }

    it(`${name} answers, and happens once, when the answer to any of its appends is lost`, async () => {
      for (let appends = 0; appends < APPENDS_MAX; appends += 1) {
        const shop = openMemoryShop();
        const asked = await sceneOf(shop);
        const before = await happened(shop, asked);
        const carried = await carriedOver(shop, answerLost(shop.store, appends), asked);
        expect(carried.kind, `append ${appends}`).to.equal('answered');
        expect((await happened(shop, asked)) - before).to.equal(1);
        if (name === 'PlaceOrder') expect(await shop.leaks()).to.deep.equal({});
      }
    });
  }
});
