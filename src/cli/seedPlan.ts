import { createHash } from 'node:crypto';
import {
  ASSORTMENTS,
  CITIES,
  FIRST_NAMES,
  LAST_NAMES,
  NOTES,
  STORE_LINES,
  STORE_NAMES,
  STREETS,
} from './seedCatalogue.ts';

export const SCALES = {
  small: { stores: 4, categories: 6, products: 40, buyers: 15, orders: 60 },
  full: { stores: 20, categories: 12, products: 500, buyers: 200, orders: 1_000 },
} as const;
export type Scale = keyof typeof SCALES;

export interface PersonPlan {
  readonly key: string;
  readonly name: string;
  readonly email: string;
}

export interface StorePlan {
  readonly owner: PersonPlan;
  readonly name: string;
  readonly description: string;
}

export interface ProductPlan {
  readonly key: string;
  readonly store: number;
  readonly category: string;
  readonly sku: string;
  readonly name: string;
  readonly description: string;
  /** Major units. */
  readonly price: string;
  readonly stock: number;
}

/** The planned outcome of an order. */
export type Fate =
  | 'completed'
  | 'shipped'
  | 'processing'
  | 'paid'
  | 'cancelled'
  | 'declined'
  | 'paid at the second attempt'
  | 'refunded'
  | 'refunded in part';

export interface OrderPlan {
  readonly key: string;
  readonly buyer: number;
  readonly lines: readonly { readonly product: number; readonly quantity: number }[];
  readonly fromCart: boolean;
  readonly method: string;
  readonly fate: Fate;
  readonly address: object;
  readonly notes: string | undefined;
}

export interface Plan {
  readonly admin: PersonPlan;
  readonly stores: readonly StorePlan[];
  readonly categories: readonly string[];
  readonly products: readonly ProductPlan[];
  readonly buyers: readonly PersonPlan[];
  readonly orders: readonly OrderPlan[];
}

interface Random {
  /** From 0 (inclusive) to 1 (exclusive). */
  next(): number;
  /** From `min` to `max`, both inclusive. */
  whole(min: number, max: number): number;
  pick<T>(list: readonly T[]): T;
}

/** A pseudorandom generator that always gives the same numbers for the same key (mulberry32). */
function chance(key: string): Random {
  let state = createHash('sha256').update(key).digest().readUInt32LE(0);
  const next = (): number => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const whole = (min: number, max: number): number => min + Math.floor(next() * (max - min + 1));
  return { next, whole, pick: (list) => list[whole(0, list.length - 1)]! };
}

const FATES: readonly (readonly [share: number, fate: Fate])[] = [
  [0.6, 'completed'],
  [0.1, 'shipped'],
  [0.06, 'processing'],
  [0.05, 'paid'],
  [0.06, 'cancelled'],
  [0.04, 'declined'],
  [0.03, 'paid at the second attempt'],
  [0.03, 'refunded'],
  [0.03, 'refunded in part'],
];

function fateOf(random: Random): Fate {
  let left = random.next();
  for (const [share, fate] of FATES) if ((left -= share) < 0) return fate;
  return 'completed';
}

/** The content of a seeded shop: always the same for the same seed and scale. A larger scale has all keys of a smaller one. */
export function planShop(seed: number, scale: Scale): Plan {
  const size = SCALES[scale];
  const list = <T>(length: number, make: (index: number) => T): T[] => Array.from({ length }, (_, at) => make(at));
  const categories = ASSORTMENTS.slice(0, size.categories).map(({ name }) => name);
  return {
    admin: { key: 'admin', name: 'Robin Keeper', email: `admin@seed${seed}.example` },
    stores: list(size.stores, (at) => ({
      owner: person(seed, 'seller', at),
      name: STORE_NAMES[at % STORE_NAMES.length]!,
      description: STORE_LINES[at % STORE_LINES.length]!,
    })),
    categories,
    products: list(size.products, (at) => product(seed, at, size)),
    buyers: list(size.buyers, (at) => person(seed, 'buyer', at)),
    orders: list(size.orders, (at) => order(seed, at, size)),
  };
}

function person(seed: number, kind: 'seller' | 'buyer', at: number): PersonPlan {
  const random = chance(`${seed}:${kind}:${at}`);
  const [first, last] = [random.pick(FIRST_NAMES), random.pick(LAST_NAMES)];
  const email = `${first}.${last}.${kind}${at + 1}@seed${seed}.example`.toLowerCase();
  return { key: `${kind} ${at}`, name: `${first} ${last}`, email };
}

type Size = (typeof SCALES)[Scale];

function product(seed: number, at: number, size: Size): ProductPlan {
  const random = chance(`${seed}:product:${at}`);
  const { name: category, things, styles, prices, facts } = ASSORTMENTS[at % size.categories]!;
  const nth = Math.floor(at / size.categories);
  const thing = things[nth % things.length]!;
  const style = styles[Math.floor(nth / things.length) % styles.length]!;
  const [low, high] = prices;
  const whole = Math.round(low + (high - low) * random.next() ** 2);
  return {
    key: `product ${at}`,
    store: at % size.stores,
    category,
    sku: `${category.slice(0, 3).toUpperCase()}-${String(at + 1).padStart(4, '0')}`,
    name: category === 'Books' ? `${style}: ${thing}` : `${style} ${thing}`,
    description: `${random.pick(facts)} ${random.pick(['Our most asked-for', 'A quiet favourite among', 'New among'])} ${category.toLowerCase()}.`,
    price: `${whole}.${random.pick(['00', '50', '95'])}`,
    stock: random.whole(80, 400),
  };
}

function order(seed: number, at: number, size: Size): OrderPlan {
  const random = chance(`${seed}:order:${at}`);
  const fate = fateOf(random);
  const declines = fate === 'declined' || fate === 'paid at the second attempt';
  // Some products sell much better than others.
  const popular = (): number => Math.floor(size.products * random.next() ** 2);
  const products = new Set(Array.from({ length: random.pick([1, 1, 1, 2, 2, 3, 4]) }, popular));
  const [city, postalCode, country] = random.pick(CITIES);
  return {
    key: `order ${at}`,
    buyer: random.whole(0, size.buyers - 1),
    lines: [...products].map((index) => ({ product: index, quantity: random.pick([1, 1, 1, 2, 3]) })),
    fromCart: random.next() < 0.7,
    method: declines ? 'sandbox_decline' : random.next() < 0.02 ? 'sandbox_timeout' : 'sandbox',
    fate,
    address: { line1: `${random.whole(1, 90)} ${random.pick(STREETS)}`, city, postal_code: postalCode, country },
    notes: random.next() < 0.15 ? random.pick(NOTES) : undefined,
  };
}
