import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect } from 'chai';
import { eventually } from '../support/eventually.ts';
import { createRecorder } from '../support/recorder.ts';
import { must, openWriteSide, serving, type Json, type Served } from '../support/shop.ts';
import { topology } from '../support/topology.ts';
import { commandContext } from '../../src/compose/shop.ts';
import { registerUser } from '../../src/commands/registration.ts';

/** Recorded by `npm run test:record`, where everything is embedded. Every topology must answer the same. */
const RECORDING = path.join(import.meta.dirname, 'journey.recorded.json');
const PASSWORD = 'correct horse battery';

describe('the same journey', function () {
  this.timeout(120_000);
  let shop: Served;
  serving((served) => (shop = served));

  it('has the same answers, byte for byte but for ids and times, wherever the parts of the shop are', async () => {
    const recorder = createRecorder(shop.url);
    const { answers } = recorder;
    const call: typeof recorder.call = (...question) => recorder.call(...question);
    const write = await openWriteSide(shop.databaseUrl);
    const admin = commandContext(write.services, { actor: { id: 'cli', role: 'system' } });
    await registerUser(admin, { email: 'admin@example.com', password: PASSWORD, name: 'Admin', role: 'admin' });
    await write.close();

    const logIn = async (email: string): Promise<string> =>
      must(await call('POST', '/auth/login', { body: { email, password: PASSWORD } }), 200).data.access_token;
    const register = async (name: string): Promise<string> => {
      const email = `${name.toLowerCase()}@example.com`;
      must(await call('POST', '/auth/register', { body: { email, password: PASSWORD, name } }), 201);
      return logIn(email);
    };
    const asAdmin = await logIn('admin@example.com');
    const category = must(await call('POST', '/categories', { token: asAdmin, body: { name: 'Charters' } }), 201).data
      .id;

    await register('Mary');
    let mary = await logIn('mary@example.com');
    await call('POST', '/stores', { token: mary, body: { name: 'The Scriptorium' } });
    mary = await logIn('mary@example.com');
    const quill = { name: 'Quill', price: '19.90', stock: 10, category_id: category };
    const product = must(await call('POST', '/products', { token: mary, body: quill }), 201).data.id;
    const { headers } = await call('PUT', `/products/${product}`, { token: mary, body: { description: 'Goose.' } });
    // Visitors who are not signed in wait for no change, unless they ask to.
    const since = (change: { headers: Headers }) => ({ 'min-position': change.headers.get('event-position') ?? '' });
    await call('GET', `/products/${product}`, { headers: since({ headers }) });
    const cheaper = await call('PUT', `/products/${product}`, {
      token: mary,
      body: { price: '18.50' },
      headers: { 'if-match': headers.get('etag') ?? '' },
    });
    await call('PUT', `/products/${product}`, {
      token: mary,
      body: { price: '1.00' },
      headers: { 'if-match': headers.get('etag') ?? '' },
    });
    await call('GET', '/products?search=quill', { headers: since(cheaper) });
    await call('GET', '/categories', { headers: since(cheaper) });

    const john = await register('John');
    await call('POST', '/cart/items', { token: john, body: { product_id: product, quantity: 3 } });
    await call('PUT', `/cart/items/${product}`, { token: john, body: { quantity: 2 } });
    await call('GET', '/cart', { token: john });
    await call('POST', '/cart/items', { token: john, body: { product_id: product, quantity: -1 } });
    const to = { shipping_address: '1 Abbey Road, London' };
    const once = { token: john, body: to, headers: { 'idempotency-key': 'the-first-order' } };
    const { id } = must(await call('POST', '/orders', once), 201).data;
    await call('POST', '/orders', once);
    await call('POST', '/orders', { ...once, body: { shipping_address: '2 Abbey Road, London' } });
    await call('GET', '/cart', { token: john });
    const has = (order: string, status: string) => async (): Promise<boolean> =>
      (await call('GET', `/orders/${order}`, { token: john, quietly: true })).data?.status === status;
    await eventually('it is paid', has(id, 'paid'));
    await call('GET', `/orders/${id}`, { token: john });
    await call('GET', `/orders/${id}`, { token: mary });
    await call('PUT', `/orders/${id}/status`, { token: mary, body: { status: 'shipped' } });
    for (const status of ['processing', 'shipping', 'shipped', 'completed']) {
      await call('PUT', `/orders/${id}/status`, { token: mary, body: { status } });
    }
    await call('GET', '/seller/orders', { token: mary });
    await call('GET', `/orders/${id}/history`, { token: john });
    await call('GET', `/orders/${id}?revision=1`, { token: john });
    await call('GET', `/orders/${id}/payments`, { token: john });
    // The reaction `fulfilment` ships the stock of a part after the part was answered as shipped.
    const stock = `/products/${product}/stock`;
    await eventually('the stock is shipped', async () => {
      return (await call('GET', stock, { token: mary, quietly: true })).data?.reserved === 0;
    });
    await call('GET', stock, { token: mary });
    await call('GET', `/products/${product}/stock/history`, { token: mary });

    const refused = { token: john, body: { items: [{ product_id: product, quantity: 9 }], ...to } };
    await call('POST', '/orders', refused);
    const second = { ...refused, body: { items: [{ product_id: product, quantity: 1 }], ...to } };
    const cancelled = must(await call('POST', '/orders', second), 201).data.id;
    await eventually('the other is paid too', has(cancelled, 'paid'));
    await call('PUT', `/orders/${cancelled}/cancel`, { token: john, body: { reason: 'Changed my mind' } });
    await eventually('what was paid is given back', async () => {
      const { data } = await call('GET', `/orders/${cancelled}`, { token: john, quietly: true });
      return data?.status === 'cancelled' && data.payment.captured === data.payment.refunded;
    });
    await call('GET', '/orders', { token: john });
    await call('GET', '/users/me', { token: john });
    await call('GET', `/orders/${id}`, {});
    await call('GET', '/nowhere', {});
    const session = { email: 'john@example.com', password: PASSWORD };
    const { refresh_token, access_token: token } = must(await call('POST', '/auth/login', { body: session }), 200).data;
    must(await call('POST', '/auth/logout', { body: { refresh_token } }), 200);
    await eventually('he is out', async () => (await call('GET', '/cart', { token, quietly: true })).status === 401);
    await call('GET', '/cart', { token });

    const recorded = `${JSON.stringify(answers, null, 1)}\n`;
    if (process.env['TEST_RECORD'] === 'journey') {
      expect(topology(), 'a recording is made where everything is embedded').to.equal('embedded');
      writeFileSync(RECORDING, recorded);
    }
    expect(existsSync(RECORDING), 'a recording to compare with').to.equal(true);
    const expected: Json[] = JSON.parse(readFileSync(RECORDING, 'utf8'));
    for (const [index, answer] of answers.entries()) expect(answer, answer.request).to.deep.equal(expected[index]);
    expect(recorded).to.equal(readFileSync(RECORDING, 'utf8'));
  });
});
