import { type OrderLine, worthPerStore } from './orderLines.ts';
import type { PaymentCaptured, RefundRequested } from './orderPayment.ts';

/** Minor units per store. */
type PerStore = ReadonlyMap<string, number>;

interface Kept {
  /** The part of the payment that each store's lines still have: it was not requested back. */
  readonly perStore: Map<string, number>;
  /** The kept money that belongs to no store's lines. Below zero when a store gave back more than its own. */
  rest: number;
}

export interface Shares {
  /** Each store's share of a capture. Money beyond the order's total belongs to none. */
  capture(captured: Pick<PaymentCaptured['data'], 'paymentId' | 'amount'>): PerStore;
  /** Each store's share of a refund: all of it when the store asked for it, else in proportion to the money that each has. */
  refund(refund: Pick<RefundRequested['data'], 'refundId' | 'paymentId' | 'amount' | 'storeId'>): PerStore;
  /** The shares of an earlier refund. */
  refundOf(refundId: string): PerStore | undefined;
  /** The part of a payment that a store's lines still have. Below zero when an earlier version let the store give back more than its own. */
  left(paymentId: string, storeId: string): number;
}

const NOTHING: PerStore = new Map();

/** `amount × part ÷ whole`, rounded down; exact beyond the safe integers too. */
const proportion = (amount: number, part: number, whole: number): number =>
  whole === 0 ? 0 : Number((BigInt(amount) * BigInt(part)) / BigInt(whole));

const sumOf = (perStore: PerStore): number => [...perStore.values()].reduce((sum, amount) => sum + amount, 0);

/** Divides an order's money among its stores, event by event. The shares of a refund add up to it. */
export function createShares(
  lines: readonly Pick<OrderLine, 'storeId' | 'price' | 'quantity'>[],
  total: number,
): Shares {
  const worth = worthPerStore(lines);
  const payments = new Map<string, Kept>();
  const refunds = new Map<string, PerStore>();
  return {
    capture({ paymentId, amount }) {
      const part = Math.min(amount, total);
      const perStore = new Map([...worth].map(([storeId, own]) => [storeId, proportion(part, own, total)]));
      payments.set(paymentId, { perStore: new Map(perStore), rest: amount - sumOf(perStore) });
      return perStore;
    },
    refund({ refundId, paymentId, amount, storeId }) {
      const kept = payments.get(paymentId);
      const given = kept === undefined ? NOTHING : takeBack(kept, amount, storeId);
      refunds.set(refundId, given);
      return given;
    },
    refundOf: (refundId) => refunds.get(refundId),
    left: (paymentId, storeId) => payments.get(paymentId)?.perStore.get(storeId) ?? 0,
  };
}

function takeBack(kept: Kept, amount: number, storeId: string | null): PerStore {
  const { perStore } = kept;
  if (storeId !== null) {
    const own = Math.min(amount, perStore.get(storeId) ?? 0);
    take(kept, storeId, own);
    kept.rest -= amount - own;
    return new Map([[storeId, amount]]);
  }
  const ofStores = sumOf(perStore);
  if (amount >= ofStores + kept.rest) {
    const all = new Map(perStore);
    for (const id of all.keys()) perStore.set(id, 0);
    kept.rest = 0;
    return all;
  }
  const spread = amount - Math.min(amount, Math.max(0, kept.rest));
  const given = spreadOver(perStore, spread, ofStores);
  for (const [id, share] of given) take(kept, id, share);
  kept.rest -= amount - sumOf(given);
  return given;
}

/** An amount in proportion to the money of each store. The rest of the rounding goes to the first that have more, a minor unit each. */
function spreadOver(perStore: PerStore, amount: number, whole: number): Map<string, number> {
  const given = new Map([...perStore].map(([id, own]) => [id, proportion(amount, own, whole)]));
  let left = Math.min(amount, whole) - sumOf(given);
  for (const [id, share] of given) {
    if (left <= 0) break;
    if (share >= (perStore.get(id) ?? 0)) continue;
    given.set(id, share + 1);
    left -= 1;
  }
  return given;
}

const take = ({ perStore }: Kept, storeId: string, amount: number): void =>
  void perStore.set(storeId, (perStore.get(storeId) ?? 0) - amount);
