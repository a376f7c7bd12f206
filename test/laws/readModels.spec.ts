import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { expect } from 'chai';
import { NO_STREAM } from '../../src/eventstore/eventStore.ts';
import type { Shop } from '../../src/compose/shop.ts';
import { freshDatabase, type TestDatabase } from '../support/database.ts';
import { wholeLog } from '../support/events.ts';
import { eventually } from '../support/eventually.ts';
import { behind, expectRowsToBeTheFold } from '../support/fold.ts';
import { runCartulary } from '../support/process.ts';
import {
  JWT_SECRET,
  MASTER_KEY,
  must,
  openWriteSide,
  serveShopApart,
  type Caller,
  type Json,
} from '../support/shop.ts';

const ORDER = { shipping_address: '1 Abbey Road, London' };

describe('read models', function () {
  this.timeout(180_000);
  let database: TestDatabase;
  let write: Shop;
  let server: Awaited<ReturnType<typeof serveShopApart>>;
  let seller: Caller;
  let buyer: Caller;
  let product: string;
  let env: Record<string, string>;

  before(async () => {
    database = await freshDatabase();
    env = { DATABASE_URL: database.url, JWT_SECRET, MASTER_KEY };
    server = await serveShopApart(database.url);
    seller = await server.people.seller();
    buyer = await server.people.buyer();
    product = await server.people.product(seller, await server.people.category(), { stock: 100_000 });
    write = await openWriteSide(database.url);
  });
  after(async () => {
    await write.close();
    server.process().kill('SIGKILL');
    await server.process().exited;
    await database.drop();
  });

  const projected = async (): Promise<Json> => {
    const { code, answer, output } = await runCartulary(['projections', '--json'], { env });
    expect(code, output).to.equal(0);
    return JSON.parse(answer);
  };

  const caughtUp = (): Promise<unknown> =>
    eventually('every follower is at the head of the log', async () => (await behind(write)).length === 0, 30_000);

  /** Places orders one after the other until stopped. Every one must be acknowledged. */
  function keepOrdering(): { stop(): Promise<string[]> } {
    const placed: string[] = [];
    let going = true;
    const loop = (async () => {
      while (going) {
        const items = [{ product_id: product, quantity: 1 }];
        placed.push(must(await buyer.call('POST', '/orders', { ...ORDER, items }), 201).data.id);
      }
    })();
    return {
      async stop() {
        going = false;
        await loop;
        return placed;
      },
    };
  }

  it('made anew while the shop goes on show no gap and end as the fold of the log', async () => {
    const ordering = keepOrdering();
    let reading = true;
    let least = 0;
    const watching = (async () => {
      while (reading) {
        const { body } = must(await buyer.call('GET', '/orders?per_page=1'), 200);
        const total: number = body.meta.pagination.total_items;
        expect(total, 'orders never disappear').to.be.at.least(least);
        least = total;
        must(await buyer.call('GET', `/products/${product}`), 200);
      }
    })();
    await eventually('some orders are placed', () => least > 20);
    const rebuilt = await runCartulary(['rebuild', '--all', '--json'], { env });
    expect(rebuilt.code, rebuilt.output).to.equal(0);
    reading = false;
    await watching;
    const placed = await ordering.stop();
    const { body } = must(await buyer.call('GET', '/orders?per_page=1'), 200);
    expect(body.meta.pagination.total_items).to.equal(placed.length);
    await caughtUp();
    await expectRowsToBeTheFold(write);
  });

  it('go on serving when a rebuild is killed half way; run again, it completes', async () => {
    for (const step of ['rebuild:loaded', 'rebuild:before-swap']) {
      const killed = await runCartulary(['rebuild', 'orders'], { env: { ...env, FAILPOINT: step } });
      expect(killed.signal, killed.output).to.equal('SIGKILL');
      const items = [{ product_id: product, quantity: 1 }];
      const { id } = must(await buyer.call('POST', '/orders', { ...ORDER, items }), 201).data;
      await server.people.untilOrder(buyer, id, 'paid');
    }
    const again = await runCartulary(['rebuild', 'orders', '--json'], { env });
    expect(again.code, again.output).to.equal(0);
    await caughtUp();
    await expectRowsToBeTheFold(write);
  });

  it('a poison event stops its own stream in one projection, and says so; the rest flows on', async () => {
    const orderOf = async (): Promise<string> =>
      must(await buyer.call('POST', '/orders', { ...ORDER, items: [{ product_id: product, quantity: 1 }] }), 201).data
        .id;
    const poisoned = await orderOf();
    await server.people.untilOrder(buyer, poisoned, 'paid');
    await caughtUp();
    await server.process().end('SIGTERM');
    // Appends an amount that no column can hold directly to the log.
    const stream = `order-${poisoned}`;
    const metadata = { commandId: randomUUID(), command: 'Sabotage', correlationId: 'x', actor: 'nobody' };
    const sabotage = {
      ...{ id: randomUUID(), type: 'PaymentRefunded' },
      data: { refundId: randomUUID(), paymentId: 'no uuid', amount: 'a lot', reference: 'x' },
      metadata: { ...metadata, occurredAt: new Date().toISOString(), schema: 1 },
    };
    const { revision } = (await write.store.read(stream)).at(-1)!;
    expect(await write.store.append(stream, revision, [sabotage])).to.include({ outcome: 'appended' });
    await server.restart();
    const status = await eventually('the projection says so', async () => {
      const found = (await projected()).projections.find(({ name }: Json) => name === 'orders');
      return found.parked > 0 ? found : undefined;
    });
    expect(JSON.stringify(status)).to.match(/orders/);
    const other = await orderOf();
    await server.people.untilOrder(buyer, other, 'paid');
    expect(must(await buyer.call('GET', `/orders/${poisoned}`), 200).data.status, 'as it was before').to.equal('paid');
    const listed = await runCartulary(['dead-letters', 'list', '--json'], { env });
    expect(listed.answer).to.contain(poisoned);
  });

  it('nothing acknowledged is lost when the server is killed between any two commands', async () => {
    const placed: string[] = [];
    for (let round = 0; round < 4; round += 1) {
      const items = [{ product_id: product, quantity: 1 }];
      placed.push(must(await buyer.call('POST', '/orders', { ...ORDER, items }), 201).data.id);
      await server.process().end(round % 2 === 0 ? 'SIGKILL' : 'SIGTERM');
      await server.restart();
    }
    for (const id of placed) await server.people.untilOrder(buyer, id, 'paid', 30_000);
    const log = await wholeLog(write.store);
    const revisions = new Map<string, bigint>();
    let last = 0n;
    for (const { position, stream, revision } of log) {
      if (write.store.contiguous) expect(position, 'positions are contiguous').to.equal(last + 1n);
      expect(position > last, 'positions ascend').to.equal(true);
      expect(revision, `revisions of ${stream} are contiguous`).to.equal((revisions.get(stream) ?? NO_STREAM) + 1n);
      revisions.set(stream, revision);
      last = position;
    }
    expect(last).to.equal((await write.store.head()).position);
  });

  it('a storm of the same request has one effect, and every answer is the same', async () => {
    const key = randomUUID();
    const body = { ...ORDER, items: [{ product_id: product, quantity: 1 }] };
    const before = must(await buyer.call('GET', '/orders?per_page=1'), 200).body.meta.pagination.total_items;
    const answers: { status: number; text: string }[] = [];
    for (let wave = 0; wave < 5; wave += 1) {
      answers.push(
        ...(await Promise.all(
          Array.from({ length: 20 }, () => buyer.call('POST', '/orders', body, { 'idempotency-key': key })),
        )),
      );
      await delay(1);
    }
    const done = answers.filter(({ status }) => status === 201);
    expect(new Set(done.map(({ text }) => text)).size).to.equal(1);
    expect(answers.filter(({ status }) => status !== 201 && status !== 409)).to.deep.equal([]);
    const after = must(await buyer.call('GET', '/orders?per_page=1'), 200).body.meta.pagination.total_items;
    expect(after).to.equal(before + 1);
  });

  it('the command line refuses a projection it does not know', async () => {
    const { code, output } = await runCartulary(['rebuild', 'nonsense'], { env });
    expect(code).to.not.equal(0);
    expect(output).to.contain('orders');
  });
});
