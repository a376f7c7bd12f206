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
