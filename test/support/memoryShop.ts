import { noBackground, noOperations, noPictures, noTokens, unused } from './unusedServices.ts';
import { randomUUID } from 'node:crypto';
import { EventEmitter, once } from 'node:events';
import { cartDecider } from '../../src/aggregates/cart.ts';
import { type Command, type Decider, fold } from '../../src/engine/decide/decider.ts';
import {
  categoryOf,
  type DomainEvent,
  type EventStore,
  idOf,
  type RecordedEvent,
} from '../../src/eventstore/eventStore.ts';
import { orderDecider, type OrderEvent } from '../../src/aggregates/order.ts';
import { productDecider } from '../../src/aggregates/product.ts';
import { sameSku } from '../../src/aggregates/sku.ts';
import { stockDecider } from '../../src/aggregates/stock.ts';
import { commands } from '../../src/commands/index.ts';
import type { Answer } from '../../src/engine/decide/command.ts';
import { type Actor, CommandContext, type Origin } from '../../src/engine/decide/context.ts';
import { createAggregates } from '../../src/engine/decide/handle.ts';
import { storeIdOf } from '../../src/queries/store.ts';
import type { Services } from '../../src/commands/contract.ts';
import type { ShopSettings } from '../../src/queries/contract.ts';
import type { Projection } from '../../src/engine/project/projection.ts';
import { deadlines } from '../../src/projections/deadlines.ts';
import { payments } from '../../src/projections/payments.ts';
import { orders } from '../../src/projections/orders.ts';
import { products } from '../../src/projections/products.ts';
import { users } from '../../src/projections/users.ts';
import { type Role, userDecider } from '../../src/aggregates/user.ts';
import { unshippedOf } from '../../src/aggregates/fulfilment.ts';
import { NOW, rowsOf } from './given.ts';
import { createMemoryEventStore } from './memoryStore.ts';
import { asSealed, memoryErasures, memoryPersonalData } from './personalData.ts';

/** A store that is cut off right after its `appends`-th append: that append is kept, later calls fail. */
export function cutOffAfter(appends: number, store: EventStore): EventStore {
  let left = appends;
  const alive = async <T>(work: () => Promise<T>): Promise<T> => {
    if (left <= 0) throw new Error('cut off');
    const result = await work();
    if (left <= 0) throw new Error('cut off');
    return result;
  };
  return {
    ...store,
    append: (...parameters) =>
      alive(async () => {
        const result = await store.append(...parameters);
        left -= 1;
        return result;
      }),
    read: (...parameters) => alive(() => store.read(...parameters)),
    find: (...parameters) => alive(() => store.find(...parameters)),
  };
}

/** A store that pauses right before its `appends`-th append, until told to go on. */
export function haltedBefore(appends: number, store: EventStore) {
  let count = 0;
  const gate = new EventEmitter();
  return {
    halted: once(gate, 'halted'),
    goOn: (): void => void gate.emit('go on'),
    store: {
      ...store,
      async append(...parameters: Parameters<EventStore['append']>) {
        count += 1;
        if (count === appends) {
          const released = once(gate, 'go on');
          gate.emit('halted');
          await released;
        }
        return store.append(...parameters);
      },
    } satisfies EventStore,
  };
}

const SETTINGS: ShopSettings = {
  currency: 'EUR',
  paymentMethodDefault: 'sandbox',
  paymentMethods: ['sandbox'],
  paymentDeadlineMs: 30 * 60_000,
  checkoutDeadlineMs: 60_000,
  uploadMaxBytes: 5_242_880,
  unpaidBounds: { ordersMax: 0, unitsMax: 0 },
  searchLanguage: 'simple',
  phoneDefaultCountry: undefined,
  signIn: { verifiedEmail: false, secondFactor: 'nobody', issuer: 'Cartulary' },
};

/** Tests with this shop never log in or guess passwords. */
const plainPasswords: Services['passwords'] = {
  hash: (password) => Promise.resolve(`hash of ${password}`),
  verify: (password, hash) => Promise.resolve(hash === `hash of ${password}`),
  isOutdated: () => false,
  check: () => undefined,
};
async function wholeLogOf(store: EventStore): Promise<RecordedEvent[]> {
  const { position } = await store.head();
  return store.readAll(0n, Number(position) + 1);
}

interface ProcessOptions {
  readonly settings: ShopSettings;
  readonly crowdWaitMs?: number | undefined;
}

/** One process of the shop: its own cache of folds, over a log and keys that several processes can share. */
function startProcess(
  store: EventStore,
  personalData: ReturnType<typeof memoryPersonalData>,
  { settings, crowdWaitMs }: ProcessOptions,
): Services {
  const rows = async <R extends object>(projection: Projection<R>): Promise<R[]> =>
    rowsOf(projection, await wholeLogOf(store));
  return {
    aggregates: createAggregates({ store, crowdWaitMs }),
    erasures: memoryErasures(personalData),
    ...{ store, personalData, passwords: plainPasswords, tokens: noTokens, settings, operations: noOperations },
    personIndex: { bringUpToDate: () => unused('personIndex') },
    background: noBackground,
    pictures: noPictures,
    hints: {
      productsInCategory: async (id) =>
        (await rows(products)).filter(({ listed, category_id }) => listed && category_id === id).length,
      orderOfPayment: async (id) => (await rows(payments)).find((row) => row.id === id)?.order_id,
      productsWithSku: async (storeId, sku) =>
        (await rows(products))
          .filter((row) => row.listed && row.store_id === storeId && row.sku !== null && sameSku(row.sku, sku))
          .map(({ id }) => id),
      ratingsOf: async (id) => (await rows(products)).find((row) => row.id === id),
      ordersShipped: async (buyerId, productId) =>
        (await rows(orders)).flatMap(({ id, buyer_id: owner, lines, fulfilments }) => {
          const line = lines.find((one) => one.productId === productId);
          const part = line && fulfilments[line.storeId];
          return owner === buyerId && (part === 'shipped' || part === 'completed') ? [id] : [];
        }),
      adminsBeside: async (ids) =>
        (await rows(users)).flatMap(({ id, role, is_active }) =>
          role === 'admin' && is_active && !ids.includes(id) ? [id] : [],
        ),
      openTradeOf: async (buyerId) => ({
        orders: (await rows(orders)).filter(
          ({ buyer_id, status }) => buyer_id === buyerId && !['completed', 'cancelled'].includes(status),
        ),
        checkouts: (await rows(deadlines))
          .filter((row) => row.kind === 'checkout' && row.buyer_id === buyerId)
          .map((row) => ({ orderId: row.order_id, productIds: row.product_ids, cartHeld: row.cart_held })),
      }),
      openOrdersOfStore: async (storeId) =>
        (await rows(orders)).flatMap(({ id, paid, fulfilments }) =>
          paid && !['completed', 'cancelled', undefined].includes(fulfilments[storeId]) ? [id] : [],
        ),
      workOfStore: async (storeId) => {
        const listed = (await rows(products)).filter((row) => row.listed && row.store_id === storeId).length;
        const parts = (await rows(orders)).filter(({ status }) => status !== 'cancelled');
        const unshipped = parts.filter(({ fulfilments }) => unshippedOf(fulfilments).includes(storeId)).length;
        return { listed, unshipped };
      },
    },
  };
}

export interface Circumstances {
  readonly id?: string;
  readonly now?: string;
  readonly ifMatch?: bigint;
  /** The process that runs the command; the shop's first one by default. */
  readonly services?: Services;
}
export interface Input {
  readonly params?: object;
  readonly body?: object;
}

export const buyer = (id: string = randomUUID()): Actor => ({ id, role: 'buyer' });
export const seller = (id: string = randomUUID()): Actor => ({ id, role: 'seller' });
export const admin: Actor = { id: randomUUID(), role: 'admin' };

export type MemoryShop = ReturnType<typeof openMemoryShop>;

/** The write side in memory. Tests call it like clients do, through the commands' contracts. */
export function openMemoryShop(store: EventStore = createMemoryEventStore(), more: Partial<ShopSettings> = {}) {
  const settings = { ...SETTINGS, ...more };
  const personalData = memoryPersonalData();
  const services = startProcess(store, personalData, { settings });

  async function ask(name: string, actor: Actor, { params = {}, body = {} }: Input, how: Circumstances = {}) {
    const contract = commands.find((command) => command.name === name) ?? unused(name);
    const id = how.id ?? randomUUID();
    const origin: Origin = {
      ...{ id, repeatable: how.id !== undefined, actor, now: how.now ?? NOW, correlationId: id },
      ...(how.ifMatch === undefined ? {} : { ifMatch: how.ifMatch }),
    };
    await personalData.createKey(actor.id);
    const input = { params, body } as unknown as Parameters<typeof contract.run>[0];
    return contract.run(input, new CommandContext(origin, how.services ?? services));
  }

  async function does<State, C extends Command, E extends DomainEvent>(
    decider: Decider<State, C, E>,
    id: string,
    intent: C extends Command ? Pick<C, 'type' | 'data'> : never,
  ): Promise<State> {
    const command = { ...intent, id: randomUUID(), actor: 'test', now: NOW, correlationId: randomUUID() };
    return (await services.aggregates.handle(decider, id, command as unknown as C)).state;
  }

  /** The state from the log, without any cache. */
  async function fromLog<State, C extends Command, E extends DomainEvent>(
    decider: Decider<State, C, E>,
    id: string,
  ): Promise<State> {
    const stream = `${decider.category}-${id}`;
    const events = (await wholeLogOf(store)).filter((event) => event.stream === stream);
    return fold(decider, decider.initial, events as unknown as E[]);
  }

  return {
    ...{ store, personalData, services, ask, does, fromLog },
    /** Another process over the same log. */
    another: (over: EventStore = store, crowdWaitMs?: number): Services =>
      startProcess(over, personalData, { settings, crowdWaitMs }),
    log: (): Promise<RecordedEvent[]> => wholeLogOf(store),

    /** Registers a user with this role. */
    async register(role: Role, id: string = randomUUID()): Promise<string> {
      await personalData.createKey(id);
      const sealed = { email: asSealed('e'), name: asSealed('n'), phone: null, phoneClaim: null };
      await does(userDecider, id, { type: 'RegisterUser', data: { ...sealed, passwordHash: asSealed('h'), role } });
      return id;
    },
    async list(stock: number, price = 1_000, id: string = randomUUID(), currency = 'EUR'): Promise<string> {
      const sellerId = randomUUID();
      const data = { name: `Product ${id}`, description: '', price, currency, categoryId: randomUUID() };
      const whose = { storeId: storeIdOf(sellerId), sellerId, sku: null };
      await does(stockDecider, id, { type: 'ReceiveStock', data: { quantity: stock } });
      await does(productDecider, id, { type: 'ListProduct', data: { ...data, ...whose } });
      return id;
    },
    async delist(id: string): Promise<void> {
      const { state } = await services.aggregates.load(productDecider, id);
      if (state.status !== 'listed') throw new Error('it is not listed');
      await does(productDecider, id, { type: 'DelistProduct', data: { by: state.sellerId } });
    },
    async fill(actor: Actor, ...lines: readonly [productId: string, quantity: number][]): Promise<void> {
      for (const [product_id, quantity] of lines) await ask('AddCartItem', actor, { body: { product_id, quantity } });
    },
    stock: (id: string) => fromLog(stockDecider, id),
    cart: (actor: Actor) => fromLog(cartDecider, actor.id),
    async orders(): Promise<{ id: string; order: Extract<OrderEvent, { type: 'OrderPlaced' }>['data'] }[]> {
      const placed = (await wholeLogOf(store)).filter(({ type }) => type === 'OrderPlaced');
      return placed.map(({ stream, data }) => ({ id: idOf(stream), order: data as never }));
    },
    /** For each product, the reserved stock beyond that of placed orders. Empty when all is well. */
    async leaks(): Promise<Record<string, number>> {
      const log = await wholeLogOf(store);
      const ids = new Set(log.filter(({ stream }) => categoryOf(stream) === 'stock').map(({ stream }) => idOf(stream)));
      const held = new Map<string, number>();
      for (const orderId of new Set(
        log.filter(({ type }) => type === 'OrderPlaced').map(({ stream }) => idOf(stream)),
      )) {
        const order = await fromLog(orderDecider, orderId);
        if (order.status !== 'placed' || order.cancelled) continue;
        for (const { productId, quantity } of order.lines) held.set(productId, (held.get(productId) ?? 0) + quantity);
      }
      const leaks: Record<string, number> = {};
      for (const id of ids) {
        const excess = (await fromLog(stockDecider, id)).reserved - (held.get(id) ?? 0);
        if (excess !== 0) leaks[id] = excess;
      }
      return leaks;
    },
  };
}

export const dataOf = (answer: Answer): Record<string, unknown> => answer.data as Record<string, unknown>;
