import { SHAPES } from './newer.ts';
import type { Logger } from '../platform/log.ts';
import type { EventStore } from '../eventstore/eventStore.ts';
import type { NewerEvents } from '../eventstore/newer.ts';
import { upcasting } from '../eventstore/upcast.ts';
import { createPostgresEventStore } from '../eventstore/postgres/postgresEventStore.ts';

export interface OpenEventStoreOptions {
  /** The shop's Postgres, which holds the log unless `eventStoreUrl` is set. */
  readonly databaseUrl: string;
  /** `EVENTSTORE_URL`. */
  readonly eventStoreUrl: string | undefined;
  readonly log: Logger;
  /** The treatment of events that only a newer version knows. Default: followers stop before them. */
  readonly newer?: NewerEvents;
  /** Called when Postgres refuses to write at all. */
  readonly onRefused?: (error: unknown) => void;
}

/**
 * The configured event store; its readers get every event in its current shape. The EventStoreDB client is loaded only when
 * it is used, because loading it takes a good part of a start.
 */
export async function openEventStore(options: OpenEventStoreOptions): Promise<EventStore> {
  const { databaseUrl, eventStoreUrl, log, onRefused } = options;
  if (eventStoreUrl !== undefined) {
    const { createEventStoreDb } = await import('../eventstore/eventstoredb/eventStoreDb.ts');
    return upcasting(await createEventStoreDb({ url: eventStoreUrl, log }), SHAPES, options.newer);
  }
  return upcasting(
    await createPostgresEventStore({ url: databaseUrl, log, ...(onRefused === undefined ? {} : { onRefused }) }),
    SHAPES,
    options.newer,
  );
}
