import { type Money, sumOf, times } from './money.ts';

export interface OrderLine {
  readonly productId: string;
  readonly storeId: string;
  readonly sellerId: string;
  readonly name: string;
  /** Minor units, frozen at checkout. */
  readonly price: number;
  /** Of the price. Lines of earlier versions have none: they are in the order's currency. */
  readonly currency?: string;
  readonly quantity: number;
}

/** The price of lines together. Throws when one is priced in another currency. */
export const totalOf = (lines: readonly OrderLine[], currency: string): Money =>
  sumOf(
    lines.map((line) => times({ amount: line.price, currency: line.currency ?? currency }, line.quantity)),
    currency,
  );

type Priced = Pick<OrderLine, 'storeId' | 'price' | 'quantity'>;

/** The price of each store's lines together, minor units. All lines of an order are in its currency. */
export function worthPerStore(lines: readonly Priced[]): ReadonlyMap<string, number> {
  const worth = new Map<string, number>();
  for (const { storeId, price, quantity } of lines) worth.set(storeId, (worth.get(storeId) ?? 0) + price * quantity);
  return worth;
}

/** The price of a store's lines together, minor units. */
export const worthOf = (lines: readonly Priced[], storeId: string): number => worthPerStore(lines).get(storeId) ?? 0;
