import { armFailpoint } from '../../src/platform/failpoint.ts';
import { NO_STREAM, type NewEvent } from '../../src/eventstore/eventStore.ts';
import { createPostgresEventStore } from '../../src/eventstore/postgres/postgresEventStore.ts';

/** Appends the given events, one stream each, and prints the acknowledged ids: `tsx … <url> <failpoint> <json>`. */
const [url = '', failpoint = '', json = '[]'] = process.argv.slice(2);
const store = await createPostgresEventStore({ url });
armFailpoint(failpoint);
await Promise.all(
  (JSON.parse(json) as { stream: string; event: NewEvent }[]).map(async ({ stream, event }) => {
    await store.append(stream, NO_STREAM, [event]);
    process.stdout.write(`${event.id}\n`);
  }),
);
await store.close();
