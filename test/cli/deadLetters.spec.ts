import { randomUUID } from 'node:crypto';
import os from 'node:os';
import { expect } from 'chai';
import { createEmbeddedBus } from '../../src/bus/consumers.ts';
import type { Bus } from '../../src/bus/bus.ts';
import { createLogger } from '../../src/platform/log.ts';
import { eventually } from '../support/eventually.ts';
import type { Json } from '../support/shop.ts';
import { openWorld, type World } from './world.ts';

const CONSUMER = 'printer';

describe('cartulary dead-letters', function () {
  this.timeout(60_000);
  let world: World;
  let bus: Bus;
  let broken: boolean;
  const printed: string[] = [];
  const operator = `cli:${os.userInfo().username}`;

  /** A consumer that fails on two streams until it is repaired. A third event waits behind the first. */
  beforeEach(async () => {
    world = await openWorld();
    broken = true;
    printed.length = 0;
    const { pool, store } = world.shop;
    const retry = { attemptsMax: 1, delayMs: 1, delayMaxMs: 1, timeoutMs: 1_000 };
    bus = createEmbeddedBus({ pool, store, owner: randomUUID(), log: createLogger('silent'), retry });
    bus.subscribe({
      name: CONSUMER,
      types: ['CategoryCreated', 'CategoryRenamed'],
      handle({ event }) {
        if (broken) return Promise.reject(new Error('out of paper \u001b[31m'));
        printed.push(event.type);
        return Promise.resolve();
      },
    });
    await bus.start();
    const metadata = { ...fact(), command: 'Test', actor: 'test', schema: 1 };
    const event = (type: string, name: string) => ({ id: randomUUID(), type, data: { name }, metadata });
    await store.append('category-a', -1n, [event('CategoryCreated', 'A'), event('CategoryRenamed', 'AA')]);
    await store.append('category-b', -1n, [event('CategoryCreated', 'B')]);
    await eventually('two are dead and one waits', async () => (await list()).length === 3);
  });
  afterEach(async () => {
    await bus.stop();
    await world.close();
  });

  const jsonOf = (answer: string) => JSON.parse(answer) as { readonly [field: string]: unknown }[];
  const fact = () => ({
    commandId: randomUUID(),
    correlationId: randomUUID(),
    occurredAt: new Date().toISOString(),
  });
  interface Letter {
    readonly id: string;
    readonly stream: string;
    readonly status: string;
  }
  const list = (): Promise<Letter[]> =>
    world.shop.db.rows<Letter>('SELECT id, stream, status FROM dead_letters ORDER BY position');
  const ofStream = async (stream: string): Promise<Letter> => (await list()).find((one) => one.stream === stream)!;

  it('lists what is dead and what waits behind it, by consumer if wished', async () => {
    const { answer } = await world.run(['dead-letters', 'list', '--json', '--consumer', CONSUMER]);
    const letters = jsonOf(answer);
    expect(letters.map(({ stream, type, status }) => [stream, type, status])).to.deep.equal([
      ['category-a', 'CategoryCreated', 'dead'],
      ['category-a', 'CategoryRenamed', 'waiting'],
      ['category-b', 'CategoryCreated', 'dead'],
    ]);
    const [first] = await world.shop.store.read('category-a', 0n, 1);
    const position = String(first?.position);
    expect(letters[0]).to.include({ consumer: CONSUMER, attempts: 1, position, revision: '0' });
    const others = await world.run(['dead-letters', 'list', '--consumer', 'payment']);
    expect(others.answer).to.equal('No dead letters.\n');
    const onPaper = await world.run(['dead-letters', 'list']);
    expect(onPaper.answer.trim().split('\n')).to.have.length(4);
    expect(onPaper.answer).to.contain('out of paper \\u001b[31m').and.not.to.contain('\u001b');
  });

  it('lists more of them than fit on a page, page by page, and says where it goes on', async () => {
    const all = (await list()).map(({ id }) => id);
    const first = await world.run(['dead-letters', 'list', '--json', '--limit', '2']);
    expect(jsonOf(first.answer).map(({ id }) => id)).to.deep.equal(all.slice(0, 2));
    expect(first.output).to.contain(`There are more: go on with --after ${all[1]}\n`);
    const rest = await world.run(['dead-letters', 'list', '--json', '--limit', '1', '--after', all[1]!]);
    expect(jsonOf(rest.answer).map(({ id }) => id)).to.deep.equal(all.slice(2));
    expect(rest.output).not.to.contain('There are more');
    const unknown = await world.run(['dead-letters', 'list', '--after', randomUUID()]);
    expect([unknown.code, unknown.answer]).to.deep.equal([1, '']);
    expect((await world.run(['dead-letters', 'list', '--limit', '1001'])).code).to.equal(2);
  });

  it('refuses a consumer that there is not, and names those that there are', async () => {
    for (const [name, told] of [
      ['pritner', 'There is no consumer pritner: did you mean printer? There are: '],
      ['orders', 'There is no consumer orders. There are: '],
    ] as const) {
      const { code, answer, output } = await world.run(['dead-letters', 'list', '--consumer', name]);
      expect({ code, answer }).to.deep.equal({ code: 1, answer: '' });
      expect(output)
        .to.contain(told)
        .and.to.match(
          /There are: .*payment, pictures, printer, projection:bought, projection:carts, .*projection:orders/,
        );
    }
    for (const name of ['payment', 'projection:orders', CONSUMER]) {
      expect((await world.run(['dead-letters', 'list', '--consumer', name])).code, name).to.equal(0);
    }
    expect((await world.run(['dead-letters', 'list', '--consumer', ' '])).code).to.equal(2);
    expect((await world.run(['dead-letters', 'skip', randomUUID(), '--reason', ''])).code).to.equal(2);
  });

  it('has one handled again, with what waits behind it, and remembers who asked', async () => {
    broken = false;
    const { id } = await ofStream('category-a');
    const { code, answer } = await world.run(['dead-letters', 'retry', id]);
    expect(code).to.equal(0);
    expect(answer).to.contain(`${id}: asked to retry`);
    await eventually('both are printed', () => printed.length === 2);
    expect(printed).to.deep.equal(['CategoryCreated', 'CategoryRenamed']);
    await eventually('it is resolved', async () => (await ofStream('category-a')).status === 'resolved');
    const shown: Json = JSON.parse((await world.run(['dead-letters', 'show', id, '--json'])).answer);
    expect(shown).to.include({ status: 'resolved', type: 'CategoryCreated' });
    expect(shown.payload.data).to.deep.equal({ name: 'A' });
    expect((shown.acts as Json[]).map(({ act, actor }) => [act as string, actor as string])).to.deep.include([
      'retry',
      operator,
    ]);
    const closed = jsonOf((await world.run(['dead-letters', 'list', '--json', '--closed'])).answer);
    const open = jsonOf((await world.run(['dead-letters', 'list', '--json'])).answer);
    expect([closed.length, open.length]).to.deep.equal([3, 1]);
  });

  it('goes on without one, for the reason given', async () => {
    const { id } = await ofStream('category-b');
    const { code } = await world.run(['dead-letters', 'skip', id, '--reason', 'printed by hand']);
    expect(code).to.equal(0);
    await eventually('it is skipped', async () => (await ofStream('category-b')).status === 'skipped');
    const { answer } = await world.run(['dead-letters', 'show', id]);
    expect(answer).to.match(new RegExp(`skip by ${operator}: printed by hand`));
    expect(printed).to.deep.equal([]);
  });

  it('does what it can of several, and says of the others why not', async () => {
    broken = false;
    const letters = await list();
    const waiting = letters.find(({ status }) => status === 'waiting')!.id;
    const [unknown, dead] = [randomUUID(), (await ofStream('category-b')).id];
    const { code, answer, output } = await world.run(['dead-letters', 'retry', waiting, unknown, dead]);
    expect(code).to.equal(1);
    expect(answer).to.match(new RegExp(`^${waiting}: .*waits behind an earlier dead letter`, 'm'));
    expect(answer).to.contain(`${unknown}: There is no dead letter ${unknown}.`);
    expect(answer).to.contain(`${dead}: asked to retry`);
    expect(output).to.contain('2 of 3 could not be asked to retry.');
    await eventually('the dead one is printed', () => printed.length === 1);
  });

  for (const [what, args] of [
    ['an id that is none', ['show', 'nonsense']],
    ['a skip without a reason', ['skip', randomUUID()]],
    ['a retry of nothing', ['retry']],
  ] as const) {
    it(`answers ${what} with 2`, async () => {
      expect((await world.run(['dead-letters', ...args])).code).to.equal(2);
    });
  }
});
