import { orderDecider } from '../aggregates/order.ts';
import { undoCheckout } from '../commands/undoCheckout.ts';
import { acquireLease, type Lease } from '../engine/follow/lease.ts';
import { createOwner, type Owned } from '../engine/follow/owner.ts';
import { type Backoff, delayAfter, isOver, rest } from '../platform/backoff.ts';
import { CommandContext, SYSTEM } from '../engine/decide/context.ts';
import type { Services } from '../commands/contract.ts';
import type { EventStore } from '../eventstore/eventStore.ts';
import { derivedId } from '../platform/ids.ts';
import type { Logger } from '../platform/log.ts';
import type { Pool } from '../platform/postgres/pool.ts';

const DEADLINES_INTERVAL_MS = 250;
const DEADLINES_BATCH = 100;
const SIDE_BY_SIDE = 8;
/** How long a row is skipped once its command is issued, ms: the projection needs a moment to remove it. */
const SETTLING_MS = 1_000;
const FAILED: Backoff = { delayMs: 1_000, delayMaxMs: 60_000 };
/** The most rows that one query skips; beyond that, the oldest are read again. */
const RESTING_MAX = 10_000;

export interface DeadlinesOptions {
  readonly pool: Pool;
  readonly services: Services;
  readonly store: EventStore;
  readonly owner: string;
  readonly log: Logger;
  readonly intervalMs?: number;
  /** ISO 8601 UTC. */
  readonly now?: () => string;
}

interface DeadlinesStatus {
  readonly owned: boolean;
  readonly issued: number;
  /** Rows whose command failed and is retried later. */
  readonly failing: number;
  readonly lastError?: string;
}

export interface Deadlines {
  start(): void;
  stop(): Promise<void>;
  status(): DeadlinesStatus;
}

interface Due {
  readonly key: string;
  readonly kind: string;
  readonly order_id: string;
  readonly due_at: string;
  readonly buyer_id: string;
  readonly product_ids: readonly string[];
  readonly cart_held: boolean;
  readonly position: string;
}

interface Resting {
  readonly until: number;
  readonly failures: number;
}

const NAMESPACE = 'b1f6a6a4-3c53-5a0e-8f8e-2c6b7a1d9e42';
/** The name of the lease, and of the system actor that issues the commands. */
export const DEADLINES = 'deadlines';

interface Ticker {
  readonly options: DeadlinesOptions;
  readonly now: () => string;
  readonly resting: Map<string, Resting>;
  issued: number;
}

/** The ticker under one lease. */
interface Ticking extends Pick<Owned, 'note' | 'succeeded'> {
  readonly ticker: Ticker;
  readonly ended: AbortSignal;
}

/**
 * Issues the command for each passed deadline, in one process at a time. Command ids are derived from the row, so a row that
 * is read again has no second effect. A command that fails is retried later and does not delay the others.
 */
export function createDeadlines(options: DeadlinesOptions): Deadlines {
  const ticker: Ticker = {
    options,
    now: options.now ?? (() => new Date().toISOString()),
    resting: new Map(),
    issued: 0,
  };
  const { pool, store, log } = options;
  const owner = createOwner<Lease>({
    name: DEADLINES,
    log,
    acquire: () => acquireLease(pool, { name: DEADLINES, owner: options.owner, store, log }),
    work: (_, ended, { note, succeeded }) => tickWhileOwned({ ticker, ended, note, succeeded }),
  });
  const stopping = new AbortController();
  let running: Promise<void> | undefined;
  return {
    start() {
      running ??= owner.live(stopping.signal);
    },
    async stop() {
      stopping.abort();
      await running;
    },
    status: () => ({
      owned: owner.owned,
      issued: ticker.issued,
      failing: failing(ticker),
      ...(owner.lastError === undefined ? {} : { lastError: owner.lastError }),
    }),
  };
}

/** Rows whose command could not be issued. */
const failing = ({ resting }: Ticker): number => [...resting.values()].filter(({ failures }) => failures > 0).length;

async function tickWhileOwned(ticking: Ticking): Promise<void> {
  const { ticker, ended, note, succeeded } = ticking;
  const { log, intervalMs = DEADLINES_INTERVAL_MS } = ticker.options;
  while (!isOver(ended)) {
    let full = false;
    try {
      full = await tick(ticking);
      if (failing(ticker) === 0) succeeded();
    } catch (error) {
      note(error);
      log.warn({ err: error }, 'deadlines could not be read');
    }
    if (!full) await rest(intervalMs * (0.75 + Math.random() / 2), ended);
  }
}

/** Handles one batch of due rows; returns whether there may be more. */
async function tick(ticking: Ticking): Promise<boolean> {
  const { ticker, ended } = ticking;
  const { resting } = ticker;
  const clock = performance.now();
  for (const [key, { until, failures }] of resting) if (until <= clock && failures === 0) resting.delete(key);
  const left = [...resting].flatMap(([key, { until }]) => (until > clock ? [key] : [])).slice(-RESTING_MAX);
  const { rows } = await ticker.options.pool.query<Due>(
    `SELECT key, kind, order_id, due_at, buyer_id, product_ids, cart_held, position::text FROM deadlines
     WHERE due_at <= $1 AND key <> ALL ($2::text[]) ORDER BY due_at, key LIMIT $3`,
    [ticker.now(), left, DEADLINES_BATCH],
  );
  forgetVanished(ticker, rows, clock);
  const waiting = [...rows];
  const work = async (): Promise<void> => {
    for (let due = waiting.shift(); due !== undefined && !isOver(ended); due = waiting.shift())
      await meet(ticking, due);
  };
  await Promise.all(Array.from({ length: Math.min(SIDE_BY_SIDE, rows.length) }, work));
  return rows.length === DEADLINES_BATCH;
}

/** Forgets failed rows that may be retried but are no longer due in the read model: they need no command any more. */
function forgetVanished({ resting }: Ticker, rows: readonly Due[], clock: number): void {
  if (rows.length === DEADLINES_BATCH) return;
  const here = new Set(rows.map(({ key }) => key));
  for (const [key, { until }] of resting) if (until <= clock && !here.has(key)) resting.delete(key);
}

async function meet({ ticker, note }: Ticking, due: Due): Promise<void> {
  const { resting } = ticker;
  const failures = resting.get(due.key)?.failures ?? 0;
  try {
    await (due.kind === 'payment' ? cancelUnpaid : abandonCheckout)(contextOf(ticker, due), due);
    ticker.issued += 1;
    resting.set(due.key, { until: performance.now() + SETTLING_MS, failures: 0 });
  } catch (error) {
    resting.set(due.key, { until: performance.now() + delayAfter(FAILED, failures + 1), failures: failures + 1 });
    note(error);
    ticker.options.log.warn(
      { err: error, deadline: due.key, failures: failures + 1 },
      'the command for an expired deadline failed; it is retried',
    );
  }
}

/** The command id contains the position of the row's last change: a row that changed since may need another command. */
function contextOf({ options, now }: Ticker, due: Due, ifMatch?: bigint): CommandContext {
  const id = derivedId(`${due.key}:${due.due_at}:${due.position}`, NAMESPACE);
  return new CommandContext(
    {
      id,
      repeatable: true,
      actor: SYSTEM(DEADLINES),
      now: now(),
      correlationId: id,
      ...(ifMatch === undefined ? {} : { ifMatch }),
    },
    options.services,
  );
}

/** The read model may lag behind the payment, so this reads the order's stream and pins its revision for the cancellation. */
async function cancelUnpaid(context: CommandContext, due: Due): Promise<void> {
  const { state, revision } = await context.load(orderDecider, due.order_id);
  if (state.status !== 'placed' || state.cancelled || state.money.paid) return;
  const data = { reason: 'not paid in time', by: 'system', refundId: context.derive('refund') } as const;
  const pinned = new CommandContext({ ...context.origin, ifMatch: revision }, context.services);
  await pinned.handle(orderDecider, due.order_id, { type: 'CancelOrder', data }, { step: 'cancel', pinned: true });
}

const abandonCheckout = (context: CommandContext, due: Due): Promise<void> =>
  undoCheckout(context, {
    orderId: due.order_id,
    productIds: due.product_ids,
    buyerId: due.buyer_id,
    cartHeld: due.cart_held,
    reason: 'expired',
  });
