import { expect } from 'chai';
import { connect } from 'nats';
import { streamNameOf } from '../../src/bus/nats/jetStream.ts';
import { openWorld, type World } from './world.ts';

const URL = (): string => process.env['TEST_NATS_URL']!;

describe('cartulary events publish', function () {
  this.timeout(60_000);
  let world: World;
  before(async () => {
    world = await openWorld();
    await world.people.seller('Sid');
  });
  after(() => world.close());
  const run = (args: string, nats = URL()) =>
    world.run(['events', 'publish', ...args.split(' ')], {
      env: { NATS_PREFIX: `cli-${process.pid}`, NATS_URL: nats },
    });

  it('puts a part of the log into the stream, in order, and tells what was there already', async () => {
    const [before, ...events] = await world.shop.store.readAll(0n);
    const head = events.at(-1)!.position;
    const from = String(events[0]!.position);
    const first = await run(`--from ${from} --json`);
    expect(first.code, first.output).to.equal(0);
    const published = events.length;
    expect(JSON.parse(first.answer)).to.deep.equal({
      ...{ from, to: String(head), published, known: 0, untold: 0 },
    });
    const again = await run(`--from ${from} --to ${head}`);
    expect(again.answer).to.contain(`${published} events from ${from} to ${head} published`);
    expect(again.answer).to.contain(`JetStream had ${published} of them and dropped those`);
    expect(again.output).to.contain('publish');

    const connection = await connect({ servers: URL() });
    try {
      const manager = await connection.jetstreamManager();
      const { epoch } = await world.shop.store.head();
      const name = streamNameOf(epoch);
      let previous = before!.position;
      for (const [index, event] of events.entries()) {
        const message = await manager.streams.getMessage(name, { seq: index + 1 });
        expect(message.header.get('Nats-Msg-Id')).to.equal(event.id);
        expect(message.header.get('Cartulary-Previous-Position')).to.equal(String(previous));
        previous = event.position;
        expect(message.json()).to.deep.include({ id: event.id, sequence: String(event.revision) });
      }
      await manager.streams.delete(name);
    } finally {
      await connection.close();
    }
  });

  it('says what is wrong', async () => {
    expect((await run('--from 0')).output).to.contain('It must be a position of the log');
    expect((await run('--from 999999')).output).to.contain('the log ends at');
    expect((await run('--from 1', '')).output).to.contain('NATS_URL is not set');
    expect((await run('--from 1', 'nats://127.0.0.1:1')).output).to.contain('NATS cannot be reached');
  });
});
