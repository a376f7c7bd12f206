import type { Logger } from '../log.ts';
import type { EventStore } from './eventStore.ts';
import { createEventStoreDb } from './eventStoreDb.ts';
import { createPostgresEventStore } from './postgres.ts';

export interface OpenEventStoreOptions {
  /** The Postgres of the shop, which holds the log unless another store is named. */
  readonly databaseUrl: string;
  /** `EVENTSTORE_URL`. */
  readonly eventStoreUrl: string | undefined;
  readonly log: Logger;
}

/** The log of this configuration. */
export function openEventStore({ databaseUrl, eventStoreUrl, log }: OpenEventStoreOptions): Promise<EventStore> {
  if (eventStoreUrl !== undefined) return createEventStoreDb({ url: eventStoreUrl, log });
  return createPostgresEventStore({ url: databaseUrl, log });
}
