import { connect, headers, type JetStreamClient, type NatsConnection } from 'nats';
import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { pino } from 'pino';
import { toMessage, type Outgoing } from '../src/bus/nats/message.ts';
import { streamNameOf } from '../src/bus/nats/jetStream.ts';
import { openRelay } from '../src/compose/openBus.ts';
import { PUBLISHES_MAX } from '../src/bus/nats/publishing.ts';
import { APPEND_EVENTS_MAX, type EventStore, type NewEvent } from '../src/eventstore/eventStore.ts';
import { createPostgresEventStore } from '../src/eventstore/postgres/postgresEventStore.ts';
import { createPool, type Pool } from '../src/platform/postgres/pool.ts';
import { fromRounds, medians, perSecond, roundsOf, type Round } from './measure.ts';
import { lifeOf, uuidOf } from './orderLog.ts';
import type { BenchOptions, BenchRow } from './row.ts';

const EVENTS = 40_000;
const EVENTS_QUICK = 2_000;
const ROUNDS = 5;
const ROUND_TIMEOUT_MS = 120_000;
const POLL_MS = 2;

const newEvent = ({ type, data }: { type: string; data: object }): NewEvent => ({
  id: randomUUID(),
  type,
  data,
  metadata: {
    ...{ commandId: randomUUID(), command: 'Bench', correlationId: randomUUID(), actor: 'bench' },
    ...{ occurredAt: '2026-11-21T08:40:00.123Z', schema: 1 },
  },
});

/** Fills the log with this many events, from the lives of orders. The last life may be cut short. */
async function fill(store: EventStore, events: number): Promise<void> {
  const appends: Promise<unknown>[] = [];
  for (let order = 0, count = 0; count < events; order += 1) {
    const life = lifeOf(order)
      .slice(0, Math.min(APPEND_EVENTS_MAX, events - count))
      .map(newEvent);
    count += life.length;
    appends.push(store.append(`order-${uuidOf(`relay ${order}`)}`, -1n, life));
    if (appends.length >= 64) await Promise.all(appends.splice(0));
  }
  await Promise.all(appends);
}

async function allMessages(store: EventStore): Promise<Outgoing[]> {
  const messages: Outgoing[] = [];
  for (let last = 0n; ;) {
    const page = await store.readAll(last);
    if (page.length === 0) return messages;
    for (const event of page) {
      messages.push(toMessage(event, last, 'bare'));
      last = event.position;
    }
  }
}

/** The yardstick: only publishes prepared messages, with as many in flight as the relay. */
async function publishBare(client: JetStreamClient, messages: readonly Outgoing[], prefix: string): Promise<number> {
  const began = performance.now();
  let next = 0;
  const lane = async (): Promise<void> => {
    for (let message = messages[next++]; message !== undefined; message = messages[next++]) {
      const { payload, headers: kept, messageId: msgID } = message;
      const hdrs = headers();
      for (const key of kept.keys()) hdrs.set(key, kept.get(key));
      await client.publish(`${prefix}.order.Bench`, payload, { headers: hdrs, msgID });
    }
  };
  await Promise.all(Array.from({ length: PUBLISHES_MAX }, lane));
  return performance.now() - began;
}

interface Side {
  readonly url: string;
  readonly store: EventStore;
  readonly pool: Pool;
  readonly nats: NatsConnection;
}

/** Time from the start of the relay to the acknowledgement of the last event, ms: reading, enveloping, publishing, checkpoints. */
async function relayAll({ url, store, pool, nats }: Side, round: number): Promise<number> {
  const { epoch, position } = await store.head();
  const manager = await nats.jetstreamManager();
  await manager.streams.delete(streamNameOf(epoch)).catch(() => undefined);
  await pool.query(`DELETE FROM checkpoints WHERE name = 'relay'`);
  const relay = (await openRelay({
    ...{ natsUrls: [url], natsStream: { prefix: `relayed-${process.pid}-${round}` } },
    ...{ pool, store, owner: `bench-${round}`, log: pino({ level: 'warn' }) },
  }))!;
  const began = performance.now();
  relay.start();
  while (relay.status().position < position) {
    if (performance.now() - began > ROUND_TIMEOUT_MS) throw new Error(`relayed up to ${relay.status().position}`);
    await pause(POLL_MS);
  }
  const took = performance.now() - began;
  await relay.stop();
  return took;
}

async function bareAll({ store, nats }: Side, round: number): Promise<number> {
  const messages = await allMessages(store);
  const manager = await nats.jetstreamManager();
  const prefix = `bare-${process.pid}-${round}`;
  await manager.streams.add({ name: prefix, subjects: [`${prefix}.>`], duplicate_window: 120_000_000_000 });
  const took = await publishBare(nats.jetstream(), messages, prefix);
  const { state } = await manager.streams.info(prefix);
  if (state.messages !== messages.length) throw new Error(`${state.messages} messages stored`);
  await manager.streams.delete(prefix);
  return took;
}

export async function run(options: BenchOptions): Promise<BenchRow[]> {
  const { url: databaseUrl, quick } = options;
  const url = process.env['TEST_NATS_URL'];
  if (url === undefined) throw new Error('nats-server is not here');
  const pool = createPool({ url: databaseUrl, name: 'bench', max: 10, int8: 'bigint' });
  const store = await createPostgresEventStore({ url: databaseUrl, unsafeWithoutFsync: true });
  const nats = await connect({ servers: url, noAsyncTraces: true });
  const events = quick ? EVENTS_QUICK : EVENTS;
  await fill(store, events);
  const side: Side = { url, store, pool, nats };
  await bareAll(side, -1);
  const rounds: Round[] = [];
  for (let round = 0; round < roundsOf(options, ROUNDS); round += 1) {
    const early = round % 2 === 0 ? await relayAll(side, round) : undefined;
    const bareMs = await bareAll(side, round);
    const relayMs = early ?? (await relayAll(side, round));
    rounds.push({ ours: perSecond(events, relayMs), theirs: perSecond(events, bareMs) });
  }
  await nats.close();
  await store.close();
  await pool.end();
  const { ours, theirs } = medians(rounds);
  return [
    {
      id: 'relay',
      better: 'more',
      what: `relay of ${events.toLocaleString('en')} events from the log to NATS JetStream, events/s`,
      against: `publishing the same messages, made beforehand, ${PUBLISHES_MAX} in flight as well`,
      ...fromRounds(rounds),
      atLeast: 0.5,
      details: `${Math.round(ours).toLocaleString('en')}/s against ${Math.round(theirs).toLocaleString('en')}/s`,
    },
  ];
}
