import { reject, stale } from '../errors.ts';
import type { Command, Decider, Made } from '../engine/decide/decider.ts';
import { withEntry, withItemAt, withoutEntry } from './collections.ts';
import type { SealedOrOwn } from './sealed.ts';

// NOTE: these names and shapes are the storage format; version them with care.
export type StockReceived = { type: 'StockReceived'; data: { quantity: number } };
export type StockAdjusted = { type: 'StockAdjusted'; data: { change: number; reason: SealedOrOwn } };
/** Reserves stock for a checkout. It is released when the order is not placed by `expiresAt`. */
export type StockReserved = {
  type: 'StockReserved';
  data: { orderId: string; buyerId: string; quantity: number; expiresAt: string };
};
export type StockReleased = { type: 'StockReleased'; data: { orderId: string; quantity: number } };
export type StockShipped = { type: 'StockShipped'; data: { orderId: string; quantity: number } };
/** Without this event, or with `below: null`, nobody is told when little is left. */
export type LowStockThresholdChanged = { type: 'LowStockThresholdChanged'; data: { below: number | null } };
/** The event before it took the units that can be sold below the threshold. It comes again only after they were above. */
export type StockRanLow = { type: 'StockRanLow'; data: { available: number; below: number } };
export type StockEvent =
  StockReceived | StockAdjusted | StockReserved | StockReleased | StockShipped | LowStockThresholdChanged | StockRanLow;

export type ReceiveStock = Command<'ReceiveStock', { quantity: number }>;
export type AdjustStock = Command<'AdjustStock', { change: number; reason: SealedOrOwn }>;
export type StockFigures = Pick<StockState, 'onHand' | 'reserved'>;
/** Adjusts the units on hand, reserved ones included, to this total. `seen`: the figures that the caller's ETag names; null for one without. */
export type SetStock = Command<'SetStock', { total: number; reason: SealedOrOwn; seen?: StockFigures | null }>;
export type ReserveStock = Command<'ReserveStock', StockReserved['data']>;
export type ReleaseStock = Command<'ReleaseStock', { orderId: string }>;
export type ShipStock = Command<'ShipStock', { orderId: string }>;
export type ChangeLowStockThreshold = Command<'ChangeLowStockThreshold', { below: number | null }>;
export type StockCommand =
  ReceiveStock | AdjustStock | SetStock | ReserveStock | ReleaseStock | ShipStock | ChangeLowStockThreshold;

type Bucket = Readonly<Record<string, number>>;

export interface StockState {
  readonly onHand: number;
  readonly reserved: number;
  /** Open reservations, order id to quantity, in buckets: a best-seller has thousands, and each event copies only one bucket. */
  readonly reservations: readonly (Bucket | null)[];
  /** Little is left when fewer units than this can be sold. */
  readonly lowBelow: number | null;
}

const BUCKETS = 256;
const bucketOf = (orderId: string): number => Number.parseInt(orderId.slice(-2), 16) % BUCKETS || 0;

export const reservedFor = (state: StockState, orderId: string): number =>
  state.reservations[bucketOf(orderId)]?.[orderId] ?? 0;
export const available = (state: StockState): number => state.onHand - state.reserved;

function hold(state: StockState, orderId: string, quantity: number, made?: Made): StockState {
  const at = bucketOf(orderId);
  const { length } = state.reservations;
  const buckets = length === 0 ? Array<Bucket | null>(BUCKETS).fill(null) : state.reservations;
  const before = buckets[at] ?? {};
  const held = before[orderId] ?? 0;
  const bucket = quantity > 0 ? withEntry(before, orderId, quantity, made) : withoutEntry(before, orderId, made);
  const reservations = withItemAt(buckets, at, bucket, made);
  return { ...state, reserved: state.reserved - held + quantity, reservations };
}

export const stockDecider: Decider<StockState, StockCommand, StockEvent> = {
  category: 'stock',
  snapshotVersion: 2,
  initial: { onHand: 0, reserved: 0, reservations: [], lowBelow: null },
  evolve(state, event, made) {
    switch (event.type) {
      case 'StockReceived':
        return { ...state, onHand: state.onHand + event.data.quantity };
      case 'StockAdjusted':
        return { ...state, onHand: state.onHand + event.data.change };
      case 'StockReserved':
        return hold(state, event.data.orderId, event.data.quantity, made);
      case 'StockReleased':
        return hold(state, event.data.orderId, 0, made);
      case 'StockShipped':
        return { ...hold(state, event.data.orderId, 0, made), onHand: state.onHand - event.data.quantity };
      case 'LowStockThresholdChanged':
        return { ...state, lowBelow: event.data.below };
      case 'StockRanLow':
        return state;
    }
  },
  decide(command, state) {
    switch (command.type) {
      case 'ReceiveStock':
        return command.data.quantity > 0 ? [{ type: 'StockReceived', data: { quantity: command.data.quantity } }] : [];
      case 'AdjustStock':
        return watched(adjust(command.data, state), state);
      case 'SetStock':
        return watched(set(command, state), state);
      case 'ReserveStock':
        return watched(reserve(command, state), state);
      case 'ReleaseStock':
        return settle('StockReleased', command.data.orderId, state);
      case 'ShipStock':
        return settle('StockShipped', command.data.orderId, state);
      case 'ChangeLowStockThreshold': {
        const { below } = command.data;
        return below === state.lowBelow ? [] : [{ type: 'LowStockThresholdChanged', data: { below } }];
      }
    }
  },
};

/** The units that an event takes from those that can be sold. */
const takenBy = (event: StockEvent): number =>
  event.type === 'StockReserved' ? event.data.quantity : event.type === 'StockAdjusted' ? -event.data.change : 0;

/** Says so when the events cross the threshold downward. */
function watched(events: StockEvent[], state: StockState): StockEvent[] {
  const below = state.lowBelow;
  if (below === null || available(state) < below) return events;
  const left = events.reduce((units, event) => units - takenBy(event), available(state));
  return left < below ? [...events, { type: 'StockRanLow', data: { available: left, below } }] : events;
}

function set({ data: { total, reason, seen } }: SetStock, state: StockState): StockEvent[] {
  if (seen !== undefined && (seen?.onHand !== state.onHand || seen.reserved !== state.reserved)) {
    const now = `${state.onHand} in all, ${state.reserved} of them reserved`;
    stale('StockChanged', `The stock is ${now}, and your ETag does not say so. Read the product again.`);
  }
  return adjust({ change: total - state.onHand, reason }, state);
}

function adjust(data: AdjustStock['data'], state: StockState): StockEvent[] {
  if (data.change === 0) return [];
  if (available(state) + data.change < 0) {
    reject('StockBelowReserved', `Only ${available(state)} can be removed; the rest is reserved for orders.`, {
      code: 'INSUFFICIENT_STOCK',
    });
  }
  return [{ type: 'StockAdjusted', data }];
}

function reserve({ data }: ReserveStock, state: StockState): StockEvent[] {
  if (reservedFor(state, data.orderId) > 0) return [];
  if (available(state) < data.quantity) {
    reject('InsufficientStock', `Only ${available(state)} left.`, { code: 'INSUFFICIENT_STOCK' });
  }
  return [{ type: 'StockReserved', data }];
}

function settle(type: 'StockReleased' | 'StockShipped', orderId: string, state: StockState): StockEvent[] {
  const quantity = reservedFor(state, orderId);
  return quantity > 0 ? [{ type, data: { orderId, quantity } }] : [];
}
