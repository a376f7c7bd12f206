import type { Logger } from '../../platform/log.ts';
import type { EventStore, RecordedEvent } from '../../eventstore/eventStore.ts';
import { delayAfter, rest } from '../../platform/backoff.ts';
import { type NatsLink, openNatsLink } from './natsConnection.ts';
import { ensureStream, lastTold, type NatsStreamSettings, STREAM_SETTINGS } from './jetStream.ts';
import { createPublishing, publishStep, type Step, stepOf } from './publishing.ts';
import { PUBLISH_TIMEOUT_MS } from './relay.ts';

const CONNECTION_WAIT_MS = 10_000;
const FAILURES_MAX = 8;
const RETRY = { attemptsMax: FAILURES_MAX, delayMs: 100, delayMaxMs: 5_000, timeoutMs: 0 };

export interface RepublishOptions {
  readonly store: EventStore;
  readonly natsUrls: readonly string[];
  readonly natsStream?: Partial<NatsStreamSettings>;
  readonly log: Logger;
  /** First and last position, both inclusive. */
  readonly from: bigint;
  readonly to: bigint;
  /** Called when all events up to this position are stored. */
  onStored(position: bigint): void;
}

export interface Republished {
  readonly published: number;
  /** Those of the published events that JetStream dropped, because it had them within its duplicate window. */
  readonly known: number;
  /** Events that could not be published. Only the log has them. */
  readonly untold: number;
}

interface Found {
  readonly event: RecordedEvent;
  readonly previous: bigint;
}

/** Events from `from` to `to`, each with the position before it. Without contiguous positions the log is read from its start. */
async function* eventsOf({ store, from, to }: RepublishOptions): AsyncGenerator<Found> {
  let previous = store.contiguous ? from - 1n : 0n;
  for (;;) {
    const page = await store.readAll(previous);
    if (page.length === 0) return;
    for (const event of page) {
      if (event.position > to) return;
      if (event.position >= from) yield { event, previous };
      previous = event.position;
    }
  }
}

/** Publishes a part of the log again, with the same message ids. Rejects when NATS is unreachable or keeps failing. */
export async function republish(options: RepublishOptions): Promise<Republished> {
  const { natsUrls, log } = options;
  const link = openNatsLink({ urls: natsUrls, name: 'cartulary events publish', log });
  try {
    return await republishOver(link, options);
  } finally {
    await link.close();
  }
}

async function republishOver(link: NatsLink, options: RepublishOptions): Promise<Republished> {
  const { store, log } = options;
  const settings = { ...STREAM_SETTINGS, ...options.natsStream };
  const never = new AbortController().signal;
  const open = async () => {
    const connection = await link.connection(AbortSignal.timeout(CONNECTION_WAIT_MS));
    if (connection === undefined) throw new Error(`NATS cannot be reached within ${CONNECTION_WAIT_MS / 1_000} s.`);
    const stream = await ensureStream(connection, { store, settings });
    if (!(await lastTold(stream, { store, settings })).ofThisLog) {
      throw new Error(
        `The stream ${stream.name} holds events that the log does not: start the relay, which empties it, and try again.`,
      );
    }
    return connection.jetstream({ timeout: PUBLISH_TIMEOUT_MS });
  };
  let client = await open();
  const counts = { published: 0, known: 0, untold: 0 };
  const publishing = createPublishing<Step>({
    signal: never,
    publish: async (step) => {
      const outcome = await publishStep(client, step, log);
      if (outcome === 'untold') counts.untold += 1;
      else counts.published += 1;
      if (outcome === 'known') counts.known += 1;
    },
    onStored: (position) => options.onStored(position),
    recover: async (error, failures) => {
      if (failures > FAILURES_MAX) throw error;
      await rest(delayAfter(RETRY, failures), never);
      client = await open();
    },
  });
  for await (const { event, previous } of eventsOf(options)) {
    await publishing.push(stepOf(event, previous, { prefix: settings.prefix, log }));
  }
  await publishing.drained();
  return counts;
}
