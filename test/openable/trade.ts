import { must, type Json } from '../support/shop.ts';
import { ADDRESS, line, turnOver, type Life, type OpenShop } from './life.ts';

const TO = { shipping_address: '1 Abbey Road, London' };

/** Buys the contents of a cart, from both stores, under an idempotency key that a later request repeats. */
async function buyFromCart({ people, products: [quill, , , ink], place, payment, advance }: OpenShop) {
  const { john } = people;
  must(await john.call('POST', '/cart/items', line(quill, 3)), 200);
  must(await john.call('POST', '/cart/items', line(ink, 2)), 200);
  must(await john.call('PUT', `/cart/items/${ink}`, { quantity: 1 }), 200);
  const body = { ...TO, billing_address: ADDRESS, notes: 'Ring twice.' };
  const key = 'johns-first-order';
  const order = await place('john', body, { 'idempotency-key': key });
  await payment('john', order, 'captured');
  await advance('john', order, 'completed');
  return { by: 'john', key, body, order };
}

/** Paid orders, at each step of fulfilment before completion. */
async function sell({ people, products, buy, place, payment, advance }: OpenShop): Promise<Life['underway']> {
  const [quill, initial, vellum, ink] = products;
  const processing = await buy('john', { ...TO, items: [line(quill, 1), line(vellum, 2)] });
  await advance('john', processing, 'processing');
  const shipping = await buy('una', { shipping_address: ADDRESS, items: [line(ink, 1)] });
  await advance('una', shipping, 'shipping');
  const shipped = await buy('una', { shipping_address: ADDRESS, items: [line(quill, 1), line(ink, 1)] });
  await advance('una', shipped, 'shipped');
  await buy('una', { shipping_address: ADDRESS, items: [line(initial, 1)], payment_method: 'sandbox_timeout' });
  const confirmed = await place('john', { ...TO, items: [line(vellum, 1)], payment_method: 'sandbox_confirm' });
  const { payment: authorised }: Json = await payment('john', confirmed, 'authorised');
  must(await people.john.call('POST', `/payments/${authorised.id}/confirm`), 200);
  await payment('john', confirmed, 'captured');
  return { order: processing, by: 'mary', quantity: 1 };
}

/** Orders that are refunded in full or in part, and one that is cancelled unpaid. */
async function giveBack({ people, products, buy, place, payment, advance, refunded, cancelled }: OpenShop) {
  const [quill, initial, vellum, ink] = products;
  const second = await place('john', { ...TO, items: [line(ink, 1)], payment_method: 'sandbox_decline' });
  await payment('john', second, 'declined');
  must(await people.john.call('POST', '/payments', { order_id: second, method: 'sandbox' }), 201);
  const { payment: whole }: Json = await payment('john', second, 'captured');
  await advance('john', second, 'completed');
  must(await people.admin.call('POST', `/payments/${whole.id}/refund`, { reason: 'damaged on the way' }), 200);
  await refunded('john', second, true);

  const part = await buy('una', { shipping_address: ADDRESS, items: [line(quill, 2), line(ink, 1)] });
  const { payment: some }: Json = await payment('una', part, 'captured');
  must(await people.sid.call('POST', `/payments/${some.id}/refund`, { amount: '2.40', reason: 'half empty' }), 200);
  await refunded('una', part, false);

  const unwanted = await buy('paul', { ...TO, items: [line(initial, 2)] });
  must(await people.paul.call('PUT', `/orders/${unwanted}/cancel`, { reason: 'Changed my mind' }), 200);
  await refunded('paul', unwanted, true);
  const declined = await place('paul', { ...TO, items: [line(vellum, 1)], payment_method: 'sandbox_decline' });
  await payment('paul', declined, 'declined');
  must(await people.admin.call('PUT', `/orders/${declined}/cancel`, {}), 200);
  await cancelled('paul', declined);
}

/** A part of an order that its seller cancels, and a role that comes and goes. */
async function changeMinds({ people: { admin, sid, paul }, products, buy, refunded }: OpenShop): Promise<void> {
  const [quill, , , ink] = products;
  const shared = await buy('una', { shipping_address: ADDRESS, items: [line(quill, 1), line(ink, 1)] });
  must(await sid.call('PUT', `/orders/${shared}/cancel`, { reason: 'The ink has dried up.' }), 200);
  await refunded('una', shared, false);
  const { id } = must(await paul.call('GET', '/users/me'), 200).data;
  for (const role of ['admin', 'buyer', 'admin', 'buyer']) {
    must(await admin.call('PUT', `/admin/users/${id}/role`, { role }), 200);
  }
}

/** Checkouts that fail, and carts that are left in different states. */
async function leaveCarts({ people: { una, paul, sid }, products }: OpenShop): Promise<void> {
  const [quill, initial, , ink, wax, map] = products;
  must(await una.call('POST', '/cart/items', line(ink, 1)), 200);
  must(await una.call('POST', '/cart/items', line(wax, 3)), 200);
  must(await una.call('POST', '/cart/items', line(map, 1)), 200);
  must(await sid.call('POST', `/products/${wax}/stock`, { change: -2, reason: 'sold at the door' }), 200);
  must(await una.call('POST', '/orders', TO), 409);
  must(await sid.call('DELETE', `/products/${map}`), 200);
  must(await una.call('POST', '/orders', TO), 409);
  must(await paul.call('POST', '/cart/items', line(quill, 2)), 200);
  must(await paul.call('DELETE', '/cart'), 200);
  must(await paul.call('POST', '/cart/items', line(quill, 1)), 200);
  must(await paul.call('POST', '/cart/items', line(initial, 1)), 200);
  must(await paul.call('DELETE', `/cart/items/${quill}`), 200);
}

export async function trade(shop: OpenShop): Promise<Life> {
  const repeatable = await buyFromCart(shop);
  const underway = await sell(shop);
  // Here, so that the snapshot contains reservations.
  await turnOver(shop.people.mary, shop.products[0]!);
  await giveBack(shop);
  await changeMinds(shop);
  await leaveCarts(shop);
  const { products, stores, categories, orders } = shop;
  return { products, stores, categories, orders, bestseller: products[0]!, repeatable, underway };
}

/** A cancelled order whose payment the provider does not know. `forget` removes the payment from the provider. */
export async function losePayment(shop: OpenShop, forget: (payment: string) => Promise<void>): Promise<void> {
  const id = await shop.buy('una', { shipping_address: ADDRESS, items: [line(shop.products[1], 1)] });
  const { payment }: Json = await shop.payment('una', id, 'captured');
  await forget(payment.id);
  must(await shop.people.una.call('PUT', `/orders/${id}/cancel`, {}), 200);
}

/** Orders that are never paid. Where the deadline is short, the shop cancels them. */
export async function payNothing({ products: [, , vellum, ink], place, payment, cancelled }: OpenShop): Promise<void> {
  const declined = await place('paul', { ...TO, items: [line(ink, 1)], payment_method: 'sandbox_decline' });
  const authorised = await place('john', { ...TO, items: [line(vellum, 1)], payment_method: 'sandbox_confirm' });
  await payment('paul', declined, 'declined');
  await payment('john', authorised, 'authorised');
  await cancelled('paul', declined);
  await cancelled('john', authorised);
}
