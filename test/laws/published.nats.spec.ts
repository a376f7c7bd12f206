import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { connect, type NatsConnection } from 'nats';
import { streamNameOf } from '../../src/bus/nats/jetStream.ts';
import { ASYNCAPI } from '../support/asyncapi.ts';
import { freshDatabase, type TestDatabase } from '../support/database.ts';
import { eventually } from '../support/eventually.ts';
import { judgeMessages, type PublishedMessage } from '../support/published.ts';
import { must, openWriteSide, serveShop, type Served } from '../support/shop.ts';

const TO = { shipping_address: '1 Abbey Road, London' };
const PREFIX = `published-${process.pid}`;
const STREAM_BYTES_MAX = String(64 * 1024 * 1024);

/** The events that name only what was changed. */
const PARTIAL = ['ProfileUpdated', 'ProductUpdated', 'StoreUpdated'];

interface Message {
  readonly name: string;
  readonly examples?: readonly { readonly payload: { readonly data: object } }[];
}
const document = JSON.parse(readFileSync(ASYNCAPI, 'utf8')) as { components: { messages: Record<string, Message> } };

/** The paths of the fields in a value: `lines[].price`. */
function fieldsIn(value: unknown, at = ''): string[] {
  if (Array.isArray(value)) return value.flatMap((item) => fieldsIn(item, `${at}[]`));
  if (typeof value !== 'object' || value === null) return [at];
  return Object.entries(value).flatMap(([name, part]) => fieldsIn(part, `${at}.${name}`));
}

/** Published messages are as `asyncapi.json` says, and have the fields of its examples. */
describe('the events that a shop publishes', function () {
  this.timeout(120_000);
  let database: TestDatabase;
  let shop: Served;
  let connection: NatsConnection;
  let stream: string | undefined;
  before(async () => {
    database = await freshDatabase();
    const servers = process.env['TEST_NATS_URL']!;
    shop = await serveShop(database.url, {
      ...{ NATS_URL: servers, NATS_PREFIX: PREFIX, NATS_MAX_BYTES: STREAM_BYTES_MAX },
    });
    connection = await connect({ servers });
  });
  after(async () => {
    await shop.stop();
    if (stream !== undefined) await (await connection.jetstreamManager()).streams.delete(stream);
    await connection.close();
    await database.drop();
  });

  /** A purchase that is delivered, one that is given back, one that fails, and changes of all that can be changed. */
  async function live(): Promise<void> {
    const { people } = shop;
    const admin = await people.admin();
    const category = must(await admin.call('POST', '/categories', { name: 'Charters' }), 201).data.id;
    must(await admin.call('PUT', `/categories/${category}`, { name: 'Letters' }), 200);
    const seller = await people.seller();
    must(await seller.call('PUT', `/stores/${seller.storeId}`, { name: 'The Scriptorium' }), 200);
    const product = await people.product(seller, category);
    must(await seller.call('PUT', `/products/${product}`, { description: 'Goose.', price: '11.00' }), 200);
    must(await seller.call('POST', `/products/${product}/stock`, { change: -1, reason: 'spilt' }), 200);
    const buyer = await people.buyer('ada');
    const about = { name: 'Ada', phone: '+44 20 7946 0018', address: '1 Abbey Road' };
    must(await buyer.call('PUT', '/users/me', about), 200);
    must(await buyer.call('PUT', '/users/me', { phone: null }), 200);
    must(await buyer.call('POST', '/cart/items', { product_id: product, quantity: 2 }), 200);
    must(await buyer.call('PUT', `/cart/items/${product}`, { quantity: 1 }), 200);
    const first = must(
      await buyer.call('POST', '/orders', { ...TO, billing_address: TO.shipping_address, notes: 'x' }),
      201,
    );
    await people.untilOrder(buyer, first.data.id, 'paid');
    for (const status of ['processing', 'shipping', 'shipped', 'completed']) {
      must(await seller.call('PUT', `/orders/${first.data.id}/status`, { status }), 200);
    }
    const items = [{ product_id: product, quantity: 1 }];
    const second = must(await buyer.call('POST', '/orders', { ...TO, items }), 201).data.id;
    await people.untilOrder(buyer, second, 'paid');
    must(await buyer.call('PUT', `/orders/${second}/cancel`, { reason: 'Ordered twice.' }), 200);
    const third = must(await buyer.call('POST', '/orders', { ...TO, items, payment_method: 'sandbox_decline' }), 201);
    await eventually('a payment is declined', async () => {
      const { data } = await buyer.call('GET', `/orders/${third.data.id}/payments`);
      return data?.[0]?.status === 'declined';
    });
    must(await buyer.call('POST', '/orders', { ...TO, items: [{ product_id: product, quantity: 500 }] }), 409);
    must(await buyer.call('POST', '/cart/items', { product_id: product, quantity: 1 }), 200);
    must(await buyer.call('DELETE', `/cart/items/${product}`), 200);
    must(await seller.call('DELETE', `/products/${product}`), 200);
  }

  /** All messages of the shop's stream, once the relay has told the whole log and nothing more has come. */
  async function published(): Promise<PublishedMessage[]> {
    const write = await openWriteSide(database.url, {}, { readOnly: true });
    const manager = await connection.jetstreamManager();
    const { epoch } = await write.store.head();
    const name = (stream = streamNameOf(epoch));
    try {
      await eventually('the relay has told the whole log', async () => {
        const { position } = await write.store.head();
        const { state } = await manager.streams.info(name);
        if (state.messages === 0) return false;
        const last = await manager.streams.getMessage(name, { seq: state.last_seq });
        return last.header.get('Cartulary-Position') === String(position);
      });
      const { state } = await manager.streams.info(name);
      const messages: PublishedMessage[] = [];
      for (let seq = state.first_seq; seq <= state.last_seq; seq += 1) {
        const message = await manager.streams.getMessage(name, { seq });
        const headers = Object.fromEntries(message.header.keys().map((key) => [key, message.header.get(key)]));
        messages.push({ subject: message.subject, headers, payload: message.json<object>() });
      }
      return messages;
    } finally {
      await write.close();
    }
  }

  it('are what the AsyncAPI document says, and as its examples show', async () => {
    await live();
    const messages = await published();
    const judge = judgeMessages(document);
    expect(messages.flatMap(judge)).to.deep.equal([]);

    const seen = new Map<string, Set<string>>();
    for (const { subject, payload } of messages) {
      const type = subject.split('.')[2]!;
      const fields = seen.get(type) ?? new Set<string>();
      for (const field of fieldsIn((payload as { data: object }).data)) fields.add(field);
      seen.set(type, fields);
    }
    expect(seen.size, [...seen.keys()].join()).to.be.greaterThan(30);
    const other = Object.values(document.components.messages).flatMap(({ name, examples = [] }) => {
      const told = seen.get(name);
      if (told === undefined) return [];
      const shown = new Set(fieldsIn(examples[0]!.payload.data));
      const absent = [...shown].filter((field) => !told.has(field)).map((field) => `${name} shows ${field}`);
      const lacking = PARTIAL.includes(name) ? [] : [...told].filter((field) => !shown.has(field));
      return [...absent, ...lacking.map((field) => `${name} lacks ${field}`)];
    });
    expect(other).to.deep.equal([]);
  });
});
