import { expect } from 'chai';
import { connect, type JetStreamManager, type NatsConnection } from 'nats';
import type { Bus, Delivery } from '../../../src/bus/bus.ts';
import { eventually } from '../../support/eventually.ts';
import { NATS, startServer, type RunningServer } from '../../support/services.ts';
import { openNatsWorld, type NatsWorld, type NatsWorldOptions } from './natsWorld.ts';
import { append, CONSUMER, numbered, range, recorder } from '../world.ts';

/** Time limit for the recovery from a NATS failure, ms: effects go on, and the stream delivers events again. */
const REBUILT_MS = 30_000;
const STREAMS = range(6).map((index) => `s${index}`);

/** For one test: its own NATS server, which the test may disturb, a relay, and a consumer that records its events. */
export function createScene() {
  const undo: (() => Promise<unknown>)[] = [];
  const seen = recorder();
  let server: RunningServer;
  let world: NatsWorld;
  let bus: Bus;
  let appended = 0;

  const take = ({ event }: Delivery): Promise<void> => {
    seen.finished.push(event);
    return Promise.resolve();
  };
  const scene = {
    seen,
    take,
    get server() {
      return server;
    },
    get world() {
      return world;
    },
    get bus() {
      return bus;
    },
    async startNats(at: { port?: number; dir?: string } = {}): Promise<void> {
      server = await startServer(NATS, at);
      const started = server;
      undo.push(() => started.stop());
    },
    async startWorld(options: NatsWorldOptions = {}, url?: string): Promise<void> {
      world = await openNatsWorld(url ?? server.url, options);
      undo.push(() => world.close());
    },
    async startBus(handle = take): Promise<void> {
      bus = world.bus();
      bus.subscribe({ name: CONSUMER, types: ['Happened'], handle });
      await bus.start();
      undo.push(() => bus.stop());
    },
    async startAll(options: NatsWorldOptions = {}): Promise<void> {
      await scene.startNats();
      await scene.startWorld(options);
      await scene.startBus();
    },
    /** Appends the next `count` events of each stream. */
    async goOn(count: number): Promise<void> {
      for (const index of range(count)) {
        await append(
          world.store,
          STREAMS.flatMap((name) => numbered(name, 1, 'Happened', appended + index)),
        );
      }
      appended += count;
    },
    caughtUp: () => eventually('all is handled', async () => (await bus.status())[0]!.lag === 0n, REBUILT_MS),
    published: () =>
      eventually(
        'all is published',
        async () => world.relay.status().position === (await world.store.head()).position,
        REBUILT_MS,
      ),
    expectAllOnce(): void {
      for (const name of STREAMS) expect(seen.of(name)).to.deep.equal(range(appended));
    },
    /** Waits until the stream delivers new events. */
    flowsAgain: () =>
      eventually(
        'the stream brings events',
        async () => {
          const { brought } = bus.broker!.stats();
          await scene.goOn(1);
          await scene.caughtUp();
          return bus.broker!.stats().brought >= brought + STREAMS.length;
        },
        REBUILT_MS,
      ),
    /** Runs `work` on a separate connection, as an operator or a foreign client would. */
    async outside<T>(work: (manager: JetStreamManager, connection: NatsConnection) => Promise<T>): Promise<T> {
      const connection = await connect({ servers: server.url });
      try {
        return await work(await connection.jetstreamManager(), connection);
      } finally {
        await connection.close();
      }
    },
    acknowledged: () =>
      scene.outside((manager) =>
        eventually('all of it is acknowledged', async () => {
          const { num_ack_pending: open, num_pending: left } = await manager.consumers.info(world.stream, CONSUMER);
          return open === 0 && left === 0;
        }),
      ),
    async end(): Promise<void> {
      for (const step of undo.splice(0).reverse()) await step();
    },
  };
  return scene;
}

export type Scene = ReturnType<typeof createScene>;
