import { expect } from 'chai';
import { setTimeout as pause } from 'node:timers/promises';
import { headers } from 'nats';
import { toMessage } from '../../../src/bus/nats/message.ts';
import type { RecordedEvent } from '../../../src/eventstore/eventStore.ts';
import { eventually } from '../../support/eventually.ts';
import { createScene, type Scene } from './natsScene.ts';
import { openNatsWorld } from './natsWorld.ts';
import { append, CONSUMER, happened, numbered, recorder } from '../world.ts';

describe('bus · NATS JetStream · repeats and strangers', function () {
  this.timeout(120_000);
  let scene: Scene;
  beforeEach(() => {
    scene = createScene();
  });
  afterEach(() => scene.end());

  it('everything published twice, and backwards, and mixed with what is none of ours: nothing changes', async () => {
    await scene.startAll();
    await scene.goOn(20);
    await scene.caughtUp();
    const all = await scene.world.store.readAll(0n, 1_000);
    await scene.outside(async (_, connection) => {
      const client = connection.jetstream();
      const previous = (event: RecordedEvent): bigint => event.position - 1n;
      for (const event of [...all].reverse()) {
        const { subject, payload, headers: hdrs } = toMessage(event, previous(event), scene.world.prefix);
        await client.publish(subject, payload, { headers: hdrs });
      }
      await client.publish(`${scene.world.prefix}.thing.Happened`, 'no event at all');
      const hdrs = headers();
      hdrs.set('Cartulary-Position', '7');
      hdrs.set('Cartulary-Previous-Position', '6');
      await client.publish(`${scene.world.prefix}.thing.Happened`, '{"id": 7}', { headers: hdrs });
    });
    await scene.flowsAgain();
    scene.expectAllOnce();
    await scene.acknowledged();
  });

  for (const [known, settings, times] of [
    ['duplicates no longer known: handlers notice nothing', { duplicateWindowMs: 150 }, 2],
    ['duplicates known: nothing is stored twice', {}, 1],
  ] as const) {
    it(`the relay begins again from an old checkpoint, ${known}`, async () => {
      await scene.startAll({ settings });
      await scene.goOn(20);
      await scene.caughtUp();
      await scene.published();
      await scene.world.relay.stop();
      await pause(400);
      await scene.world.pool.query(`UPDATE checkpoints SET position = 0 WHERE name = 'relay'`);
      const second = await scene.world.startRelay('second');
      const { position } = await scene.world.store.head();
      await eventually('it has published all of it', () => second.status().position === position);
      const { state } = await scene.outside((manager) => manager.streams.info(scene.world.stream));
      expect(state.messages).to.equal(Number(position) * times);
      await scene.flowsAgain();
      scene.expectAllOnce();
    });
  }

  it('an event that the stream lacks is noticed by the next one, and read from the log', async () => {
    await scene.startAll();
    await scene.flowsAgain();
    await scene.published();
    await scene.world.relay.stop();
    await eventually('the consumer hears the stream', () => scene.bus.broker!.stats().onLog === 0);
    const { position } = await scene.world.store.head();
    await scene.goOn(1);
    const last = (await scene.world.store.readAll(position)).at(-1)!;
    await scene.outside(async (_, connection) => {
      const { subject, payload, headers: hdrs } = toMessage(last, last.position - 1n, scene.world.prefix);
      await connection.jetstream().publish(subject, payload, { headers: hdrs });
    });
    await scene.caughtUp();
    scene.expectAllOnce();
  });

  it('a handler that takes longer than the acknowledgement is waited for is not handed the event again', async () => {
    await scene.startNats();
    await scene.startWorld({ feed: { ackWaitMs: 900 } });
    let slow = 0;
    await scene.startBus(async (delivery) => {
      if (delivery.event.stream === 'thing-slow') {
        slow += 1;
        await pause(3_000);
      }
      await scene.take(delivery);
    });
    await scene.flowsAgain();
    await append(scene.world.store, numbered('slow', 1));
    await eventually('it is under way', () => slow === 1);
    await pause(2_000);
    await scene.outside(async (manager) => {
      const info = await manager.consumers.info(scene.world.stream, CONSUMER);
      expect(info).to.include({ num_ack_pending: 1, num_redelivered: 0 });
    });
    await scene.goOn(10);
    await scene.caughtUp();
    expect(slow).to.equal(1);
    scene.expectAllOnce();
    await scene.acknowledged();
  });

  it('the subjects of another log are not taken over: the relay says so, and handlers go on from the log', async () => {
    await scene.startAll();
    await scene.goOn(1);
    await scene.published();
    const other = await openNatsWorld(scene.server.url, { prefix: scene.world.prefix });
    try {
      await eventually('the relay says so', () => other.relay.status().lastError?.includes('of another log'));
      await append(other.store, numbered('elsewhere', 3));
      const seen = recorder();
      const bus = other.bus();
      bus.subscribe({
        name: CONSUMER,
        types: ['Happened'],
        handle: ({ event }) => Promise.resolve(void seen.finished.push(event)),
      });
      await bus.start();
      await eventually('all is handled', () => seen.of('elsewhere').length === 3);
      await bus.stop();
    } finally {
      await other.close();
    }
    await scene.flowsAgain();
    scene.expectAllOnce();
  });

  it('a stream of a log that was restored and went another way is emptied, and nothing of it is handed over', async () => {
    await scene.startNats();
    await scene.startWorld();
    await eventually('there is a stream', () =>
      scene.outside((manager) => manager.streams.info(scene.world.stream).catch(() => undefined)),
    );
    await scene.world.relay.stop();
    const lost = happened('Happened', { n: 99 });
    const event: RecordedEvent = { ...lost, stream: 'thing-lost', revision: 0n, position: 1n };
    await scene.outside(async (_, connection) => {
      const { subject, payload, headers: hdrs } = toMessage(event, 0n, scene.world.prefix);
      await connection.jetstream().publish(subject, payload, { headers: hdrs, msgID: lost.id });
    });
    await scene.startBus();
    await scene.goOn(3);
    await scene.caughtUp();
    await scene.world.startRelay('second');
    await scene.flowsAgain();
    scene.expectAllOnce();
    expect(scene.seen.of('lost')).to.deep.equal([]);
    await scene.outside(async (manager) => {
      const first = await manager.streams.getMessage(scene.world.stream, {
        next_by_subj: `${scene.world.prefix}.>`,
        seq: 1,
      } as never);
      expect(first.json<{ subject: string }>().subject).to.equal('thing-s0');
    });
  });
});
