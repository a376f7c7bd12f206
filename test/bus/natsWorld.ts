import { pino } from 'pino';
import { createNatsBus } from '../../src/bus/nats.ts';
import type { NatsFeedLimits } from '../../src/bus/natsFeed.ts';
import { openRelay, type OpenRelay } from '../../src/bus/open.ts';
import { createPostgresEventStore } from '../../src/eventstore/postgres.ts';
import { createPool } from '../../src/postgres/pool.ts';
import { freshDatabase } from '../support/database.ts';
import type { BusWorld } from './world.ts';

export const log = pino({ level: process.env['TEST_LOG'] ?? 'silent' });

export interface NatsWorld extends BusWorld {
  /** A subject prefix of its own, so that many logs can share one server. */
  readonly prefix: string;
  readonly relay: OpenRelay;
}

let worlds = 0;

/** A database, a relay, and buses that listen to it over the server at `url`. */
export async function openNatsWorld(url: string, feed: Partial<NatsFeedLimits> = {}): Promise<NatsWorld> {
  const database = await freshDatabase();
  const pool = createPool({ url: database.url, name: 'bus', max: 10, int8: 'bigint' });
  const store = await createPostgresEventStore({ url: database.url, unsafeWithoutFsync: true });
  worlds += 1;
  const prefix = `world-${process.pid}-${worlds}`;
  const relay = openRelay({
    ...{ natsUrls: [url], natsStream: { prefix }, pool, store, owner: 'relay', log },
  })!;
  relay.start();
  return {
    ...{ store, pool, prefix, relay },
    bus: ({ owner = 'first', retry = {}, patienceMs } = {}) =>
      createNatsBus({
        ...{ urls: [url], stream: { prefix }, feed, pool, store, owner, log },
        retry: { attemptsMax: 3, delayMs: 5, delayMaxMs: 1_000, timeoutMs: 10_000, ...retry },
        limits: { pollMs: 30, saveMs: 20, stopMs: 200 },
        ...(patienceMs === undefined ? {} : { patienceMs }),
      }),
    async close() {
      await relay.stop();
      await store.close();
      await pool.end();
      await database.drop();
    },
  };
}
