import { UPCASTERS } from '../aggregates/index.ts';
import type { Logger } from '../platform/log.ts';
import type { EventStore } from '../eventstore/eventStore.ts';
import { upcasting } from '../eventstore/upcast.ts';
import { createPostgresEventStore } from '../eventstore/postgres/postgresEventStore.ts';

export interface OpenEventStoreOptions {
  /** The Postgres of the shop, which holds the log unless another store is named. */
  readonly databaseUrl: string;
  /** `EVENTSTORE_URL`. */
  readonly eventStoreUrl: string | undefined;
  readonly log: Logger;
}

/** The log of this configuration, whose readers get every event in its current shape. Its client is loaded only where it is used: that takes a good part of a start. */
export async function openEventStore({ databaseUrl, eventStoreUrl, log }: OpenEventStoreOptions): Promise<EventStore> {
  if (eventStoreUrl !== undefined) {
    const { createEventStoreDb } = await import('../eventstore/eventstoredb/eventStoreDb.ts');
    return upcasting(await createEventStoreDb({ url: eventStoreUrl, log }), UPCASTERS);
  }
  return upcasting(await createPostgresEventStore({ url: databaseUrl, log }), UPCASTERS);
}
