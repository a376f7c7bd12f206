import type { Broker, Bus } from '../bus/bus.ts';
import type { OpenRelay } from './openBus.ts';
import type { Cache } from '../cache/cache.ts';
import type { EventStore } from '../eventstore/eventStore.ts';
import { EVENTS_COUNTED_MAX } from '../eventstore/scan.ts';
import type { Probe } from '../http/pages/health.ts';
import type { Collector, Sample } from '../http/pages/metrics.ts';
import type { Pool } from '../platform/postgres/pool.ts';
import type { Advance } from '../engine/project/advance.ts';
import type { NewerWatch } from './newer.ts';
import { projectionNames } from '../projections/index.ts';
import type { Writable } from '../platform/postgres/writable.ts';
import type { Projector } from '../engine/project/projector.ts';
import type { ReadDb } from '../engine/ask/query.ts';
import { createSales, type Sales } from '../queries/sales.ts';
import type { RedisConnection } from '../platform/redis/connection.ts';

/** The parts of this process that report metrics. */
export interface Observed {
  readonly cache: Cache;
  readonly redis: RedisConnection | undefined;
  readonly projector?: Projector;
  readonly bus?: Bus;
  readonly relay?: OpenRelay;
  readonly db: ReadDb;
  readonly advance?: Advance;
}

/** Each read model has a check of its own, so that the one that stands still is named. */
const advancing = (advance: Advance, name: string): Probe => ({
  name: `read model ${name}`,
  required: false,
  check: () => advance.check(name),
});

/** The check has the name of the event's type, so that it is seen from outside. */
const knowing = (newer: NewerWatch): Probe => ({
  get name() {
    return newer.type === undefined ? 'event types' : `event type ${newer.type}`;
  },
  required: false,
  check: () =>
    newer.type === undefined
      ? Promise.resolve()
      : Promise.reject(new Error(`${newer.type}: only a newer version knows this type or version of an event`)),
});

/**
 * The dependencies of this process. It needs the log and Postgres for correct answers. It goes on without NATS or Redis, and with
 * read models that stand still: a query that needs a newer one is refused.
 */
export const probesOf = (
  { store, pool, writable, newer }: { store: EventStore; pool: Pool; writable: Writable; newer: NewerWatch },
  { redis, bus, relay, advance }: Partial<Pick<Observed, 'redis' | 'bus' | 'relay' | 'advance'>> = {},
): readonly Probe[] => [
  { name: 'eventstore', required: true, check: () => store.ping() },
  { name: 'postgres', required: true, check: () => pool.query('SELECT 1') },
  { name: 'writes', required: true, check: () => writable.check() },
  knowing(newer),
  ...[bus?.broker ?? relay]
    .filter((nats) => nats !== undefined)
    .map((nats): Probe => ({ name: 'nats', required: false, check: () => nats.ping() })),
  ...(redis === undefined ? [] : [{ name: 'redis', required: false, check: () => redis.ping() }]),
  ...(advance === undefined ? [] : projectionNames.map((name) => advancing(advance, name))),
];

const perName = <T extends { readonly name: string }>(
  list: readonly T[],
  value: (item: T) => bigint | number,
): readonly Sample[] => list.map((item) => ({ labels: { name: item.name }, value: Number(value(item)) }));

/** Metrics of the parts that run in this process; each is read only when the metrics are requested. */
export const collectorsOf = ({ cache, redis, projector, bus, relay, db }: Observed): readonly Collector[] => [
  ...(projector === undefined ? [] : [...projectorCollectors(projector), ...salesCollectors(db)]),
  ...(bus === undefined ? [] : busCollectors(bus)),
  ...(bus?.broker === undefined ? [] : brokerCollectors(bus.broker)),
  ...(relay === undefined ? [] : relayCollectors(relay)),
  ...cacheCollectors(cache),
  ...(redis === undefined ? [] : redisCollectors(redis)),
];

const LABELS = ['name'];
/** In a log whose positions do not count events, the lag is counted only up to a bound. */
const COUNTED = `counted up to ${EVENTS_COUNTED_MAX} where positions do not count events`;

const projectorCollectors = (projector: Projector): readonly Collector[] => [
  {
    name: 'projection_lag_events',
    help: `Events between a projection and the head of the log; ${COUNTED}`,
    labels: LABELS,
    read: async () => perName(await projector.status(), ({ lag }) => lag),
  },
  {
    name: 'projection_parked_events',
    help: 'Events that a projection could not apply, and those waiting behind them',
    labels: LABELS,
    read: async () => perName(await projector.status(), ({ parked }) => parked),
  },
];

const busCollectors = (bus: Bus): readonly Collector[] => [
  {
    name: 'consumer_lag_events',
    help: `Events between a handler and the head of the log; ${COUNTED}`,
    labels: LABELS,
    read: async () => perName(await bus.status(), ({ lag }) => lag),
  },
  {
    name: 'consumer_dead_letters',
    help: 'Events that a handler could not handle, and those waiting behind them',
    labels: LABELS,
    read: async () => perName(await bus.status(), ({ deadLetters }) => deadLetters),
  },
];

const brokerCollectors = (broker: Broker): readonly Collector[] => [
  {
    name: 'broker_connected',
    help: 'Whether the bus has a connection to its broker',
    read: () => [{ value: Number(broker.stats().connected) }],
  },
  {
    name: 'broker_events_brought',
    help: 'Events that handlers had from the broker; the others they read from the log',
    read: () => [{ value: broker.stats().brought }],
  },
  {
    name: 'broker_consumers_on_log',
    help: 'Handlers that read the log now, because the broker does not bring it',
    read: () => [{ value: broker.stats().onLog }],
  },
  {
    name: 'broker_consumers_rebuilt',
    help: 'How often the broker’s consumer of a handler failed and was built again',
    read: () => [{ value: broker.stats().rebuilt }],
  },
];

const relayCollectors = (relay: OpenRelay): readonly Collector[] => [
  {
    name: 'relay_running',
    help: 'Whether this process is the one that publishes the log',
    read: () => [{ value: Number(relay.status().running) }],
  },
  {
    name: 'relay_position',
    help: 'Everything up to here is published, as far as this process has done it',
    read: () => [{ value: Number(relay.status().position) }],
  },
];

const cacheCollectors = (cache: Cache): readonly Collector[] => [
  { name: 'cache_hits', help: 'Answers that came from the cache', read: () => [{ value: cache.stats().hits }] },
  { name: 'cache_misses', help: 'Answers that had to be made', read: () => [{ value: cache.stats().misses }] },
  {
    name: 'cache_entries',
    help: 'Answers in the cache of this process',
    read: () => [{ value: cache.stats().entries }],
  },
];

const redisCollectors = (redis: RedisConnection): readonly Collector[] => [
  {
    name: 'redis_up',
    help: 'Whether this process uses its Redis at the moment',
    read: () => [{ value: redis.stats().up ? 1 : 0 }],
  },
  {
    name: 'redis_failed_commands',
    help: 'Commands that Redis refused or did not answer in time',
    read: () => [{ value: redis.stats().failures }],
  },
];

/** Reported by processes with the projector role. All of them report the same figures, so a dashboard takes the highest. */
const salesCollectors = (db: ReadDb): readonly Collector[] => {
  const sales = createSales(db);
  const collector = (name: string, help: string, value: (of: Sales) => number): Collector => ({
    name,
    help,
    labels: ['currency'],
    read: async () => (await sales()).map((of) => ({ labels: { currency: of.currency }, value: value(of) })),
  });
  return [
    collector('orders_placed', 'Orders ever placed', ({ placed }) => placed),
    collector('revenue_captured_minor_units', 'Money ever captured, in minor units', ({ captured }) => captured),
    collector('revenue_refunded_minor_units', 'Money ever given back, in minor units', ({ refunded }) => refunded),
  ];
};
