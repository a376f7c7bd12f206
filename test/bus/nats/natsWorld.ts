import { pino } from 'pino';
import { createNatsBus } from '../../../src/bus/nats/natsBus.ts';
import type { NatsFeedLimits } from '../../../src/bus/nats/feedState.ts';
import { streamNameOf, type NatsStreamSettings } from '../../../src/bus/nats/jetStream.ts';
import { openRelay, type OpenRelay } from '../../../src/compose/openBus.ts';
import { createPostgresEventStore } from '../../../src/eventstore/postgres/postgresEventStore.ts';
import { upcasting } from '../../../src/eventstore/upcast.ts';
import { createPool } from '../../../src/platform/postgres/pool.ts';
import { freshDatabase } from '../../support/database.ts';
import type { BusWorld } from '../world.ts';

const log = pino({ level: process.env['TEST_LOG'] ?? 'silent' });

export interface NatsWorld extends BusWorld {
  /** Its own subject prefix, so that many logs can share one server. */
  readonly prefix: string;
  readonly databaseUrl: string;
  /** The name of its JetStream stream. */
  readonly stream: string;
  /** Starts another relay. It stops when the world is closed. */
  startRelay(owner: string): Promise<OpenRelay>;
  readonly relay: OpenRelay;
}

export interface NatsWorldOptions {
  readonly feed?: Partial<NatsFeedLimits>;
  readonly settings?: Partial<NatsStreamSettings>;
  /** The subject prefix; a unique one by default. */
  readonly prefix?: string;
}

let worlds = 0;

/** A database, a relay, and buses that listen to it over the server at `url`. */
export async function openNatsWorld(
  url: string,
  { feed = {}, settings = {}, ...given }: NatsWorldOptions = {},
): Promise<NatsWorld> {
  const database = await freshDatabase();
  const pool = createPool({ url: database.url, name: 'bus', max: 20, int8: 'bigint' });
  const store = upcasting(await createPostgresEventStore({ url: database.url, unsafeWithoutFsync: true }), {});
  worlds += 1;
  const { prefix = `world-${process.pid}-${worlds}` } = given;
  const natsStream = { ...settings, prefix };
  const relays: OpenRelay[] = [];
  const startRelay = async (owner: string): Promise<OpenRelay> => {
    const relay = (await openRelay({ natsUrls: [url], natsStream, pool, store, owner, log }))!;
    relays.push(relay);
    relay.start();
    return relay;
  };
  return {
    ...{ store, pool, prefix, startRelay, relay: await startRelay('relay') },
    ...{ databaseUrl: database.url, stream: streamNameOf((await store.head()).epoch) },
    bus: ({ owner = 'first', retry = {}, patienceMs } = {}) =>
      createNatsBus({
        ...{ urls: [url], stream: natsStream, feed, pool, store, owner, log, upcasters: {} },
        retry: { attemptsMax: 3, delayMs: 5, delayMaxMs: 1_000, timeoutMs: 10_000, ...retry },
        limits: { pollMs: 30, saveMs: 20, stopMs: 200 },
        ...(patienceMs === undefined ? {} : { patienceMs }),
      }),
    async close() {
      await Promise.all(relays.map((relay) => relay.stop()));
      await store.close();
      await pool.end();
      await database.drop();
    },
  };
}
