import { expect } from 'chai';
import { connect, type NatsConnection } from 'nats';
import { eventually } from '../../support/eventually.ts';
import { openNatsWorld, type NatsWorld } from './natsWorld.ts';
import { append, busBench, numbered, range, recorder } from '../world.ts';

const URL = (): string => process.env['TEST_NATS_URL']!;

describe('bus · NATS JetStream · the stream', () => {
  let world: NatsWorld;
  const bench = busBench(async () => (world = await openNatsWorld(URL())));
  let nats: NatsConnection;
  before(async () => {
    nats = await connect({ servers: URL() });
  });
  after(() => nats.close());

  it('is what brings the events, once consumers have come up to it, and is told what is done', async () => {
    const seen = recorder();
    const bus = await bench.run(({ event }) => {
      seen.finished.push(event);
      return Promise.resolve();
    });
    await append(world.store, numbered('first', 1));
    await eventually('the consumer hears the stream', async () => {
      await append(world.store, numbered(`more-${performance.now()}`, 1, 'Ignored'));
      return bus.broker!.stats().onLog === 0 && bus.broker!.stats().brought > 0;
    });
    const before = bus.broker!.stats().brought;
    for (const index of range(50)) await append(world.store, numbered('steady', 4, 'Happened', index * 4));
    await bench.caughtUp(bus);
    expect(seen.of('steady')).to.deep.equal(range(200));
    expect(bus.broker!.stats().brought - before).to.be.at.least(190);

    const manager = await nats.jetstreamManager();
    const name = await manager.streams.find(`${world.prefix}.>`);
    await eventually('every message is acknowledged', async () => {
      const { num_ack_pending: open, num_pending: left } = await manager.consumers.info(name, 'tester');
      return open === 0 && left === 0;
    });
  });
});
