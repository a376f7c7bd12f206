import type { Logger } from '../log.ts';
import type { EventStore } from './eventStore.ts';
import { createPostgresEventStore } from './postgres.ts';

export interface OpenEventStoreOptions {
  /** The Postgres of the shop, which holds the log unless another store is named. */
  readonly databaseUrl: string;
  /** `EVENTSTORE_URL`. */
  readonly eventStoreUrl: string | undefined;
  readonly log: Logger;
}

/** The log of this configuration. */
export function openEventStore({ databaseUrl, log }: OpenEventStoreOptions): Promise<EventStore> {
  return createPostgresEventStore({ url: databaseUrl, log });
}
