import { startEventStoreDouble, type EventStoreDouble } from './eventStoreDouble/index.ts';
import { NATS, REDIS } from './services.ts';

/**
 * Where the parts of a test's shop are. Only `npm run test:services` and `npm run test:eventstore-topology` set it; the default is
 * `embedded`.
 */
const TOPOLOGIES = ['embedded', 'services', 'eventstore'] as const;
export type Topology = (typeof TOPOLOGIES)[number];

export function topology(): Topology {
  const given = process.env['TEST_TOPOLOGY'] ?? '';
  const found = given === '' ? 'embedded' : TOPOLOGIES.find((name) => name === given);
  if (found === undefined) throw new Error(`TEST_TOPOLOGY must be one of ${TOPOLOGIES.join(', ')}, not ${given}.`);
  return found;
}

/** A description for people who read the log of a run. */
export const TOPOLOGY_TOLD: Readonly<Record<Topology, string>> = {
  embedded: 'embedded: everything on Postgres and in the process',
  services: 'services: log in Postgres, cache and limits in Redis, bus on NATS',
  eventstore: 'eventstore: log in the EventStoreDB double, cache and limits in Redis, bus on NATS',
};

const needed = (env: string): string => {
  const url = process.env[env];
  if (url === undefined || url === '') throw new Error(`This topology needs ${env}: run it by its npm script.`);
  return url;
};

/** The prefix of subjects: on one NATS no two streams may have the same subjects. */
const subjectOf = (databaseUrl: string): string => new URL(databaseUrl).pathname.slice(1);

/**
 * How many bytes of events a test shop's stream keeps. NATS reserves this space for each stream when the shop creates it, and refuses
 * a stream when its storage is all reserved: with 1 GiB, the default, a test server would hold few shops.
 */
const STREAM_BYTES_MAX = 64 * 1024 * 1024;

/** The doubles of EventStoreDB, by the URL of the database of the same shop. */
const doubles = new Map<string, EventStoreDouble>();

/** The double of a shop. Its database may also be reached by another URL, through a proxy. */
const doubleOf = (databaseUrl: string): EventStoreDouble | undefined =>
  doubles.get(databaseUrl) ?? [...doubles].find(([url]) => subjectOf(url) === subjectOf(databaseUrl))?.[1];

/** Starts a log for a new database's shop, if the log is not in that database. */
export async function equip(databaseUrl: string): Promise<void> {
  if (topology() === 'eventstore') doubles.set(databaseUrl, await startEventStoreDouble());
}

export async function strip(databaseUrl: string): Promise<void> {
  const double = doubles.get(databaseUrl);
  doubles.delete(databaseUrl);
  await double?.stop();
}

/**
 * Settings of a shop on this database, in addition to its `DATABASE_URL`. All tests share one Redis and one NATS. The names that
 * a shop uses there contain its log's epoch.
 */
export function topologySettings(databaseUrl: string | undefined): Readonly<Record<string, string>> {
  if (databaseUrl === undefined || topology() === 'embedded') return {};
  const shared = {
    REDIS_URL: needed(REDIS.env),
    NATS_URL: needed(NATS.env),
    NATS_PREFIX: subjectOf(databaseUrl),
    NATS_MAX_BYTES: String(STREAM_BYTES_MAX),
  };
  if (topology() === 'services') return shared;
  const double = doubleOf(databaseUrl);
  if (double === undefined) throw new Error('In this topology a database has its log from freshDatabase() alone.');
  return { ...shared, EVENTSTORE_URL: double.url };
}
