import { orderDecider, type OrderState } from '../aggregates/order.ts';
import { reject } from '../errors.ts';
import type { CommandContext } from './contract.ts';

/** Turns of one checkout, at most: each is begun by a repeat, after the turn before was refused for now. */
const TURNS_MAX = 100;

/** One turn of a checkout. The turns have orders and steps of their own. */
export interface Turn {
  readonly number: number;
  readonly orderId: string;
  readonly state: OrderState;
  readonly position: bigint;
  /** The orders of the turns before, none of which can be placed. */
  readonly earlier: readonly string[];
  readonly step: (name: string) => string;
}

/** The turn that a run of this checkout belongs to: the first one that was not abandoned for now. */
export async function turnOf(context: CommandContext): Promise<Turn> {
  const earlier: string[] = [];
  for (let number = 0; number < TURNS_MAX; number += 1) {
    const step = (name: string): string => (number === 0 ? name : `${name}, turn ${number}`);
    const orderId = context.derive(step('order'));
    const { state, position } = context.origin.repeatable ? await context.load(orderDecider, orderId) : NO_ORDER;
    if (state.status !== 'abandoned' || !state.forNow) return { number, orderId, state, position, earlier, step };
    earlier.push(orderId);
  }
  return reject('CheckoutExpired', 'This checkout was repeated too often; please try again.');
}

const NO_ORDER = { state: orderDecider.initial, position: 0n } as const;
