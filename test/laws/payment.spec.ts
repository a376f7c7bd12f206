import { expect } from 'chai';
import { sandboxLedger } from '../../src/handlers/gateways/sandbox.ts';
import { openStockedShop, type StockedShop } from '../support/stockedShop.ts';
import { eventually } from '../support/eventually.ts';
import { must, type Caller, type Json, type People } from '../support/shop.ts';

describe('payment', function () {
  this.timeout(60_000);
  let shop: StockedShop;
  let db: StockedShop['db'];
  let people: People;
  let seller: Caller;
  let buyer: Caller;
  let product: string;

  before(async () => {
    shop = await openStockedShop({ PAYMENT_SANDBOX_DELAY: '300ms', PAYMENT_DEADLINE: '4s' });
    ({ db, people, seller, product } = shop);
    buyer = await people.buyer();
  });
  after(() => shop.close());

  const order = async (method: string, quantity = 1): Promise<Json> => {
    const items = [{ product_id: product, quantity }];
    const body = { shipping_address: '1 Abbey Road', payment_method: method, items };
    return must(await buyer.call('POST', '/orders', body), 201).data;
  };
  /** The provider's own record of a payment. */
  const ledger = async (paymentId: string) => {
    const [entry] = await sandboxLedger(db, [paymentId]);
    const captured = entry?.status === 'captured' ? entry.amount : 0;
    return {
      captures: captured > 0 ? 1 : 0,
      captured,
      requests: entry?.requests ?? 0,
      refunds: entry?.refunds ?? 0,
      refunded: entry?.refunded ?? 0,
    };
  };

  it('is captured by itself within two seconds', async () => {
    const { id, status } = await order('sandbox');
    expect(status).to.equal('pending');
    const paid = await people.untilOrder(buyer, id, 'paid', 2_000);
    expect(paid.payment).to.include({ status: 'captured', captured: 10, refunded: 0 });
    expect(await ledger(paid.payment.id)).to.include({ captures: 1, captured: 1_000 });
  });

  it('is told to the buyer by mail, which is kept where there is no mail server', async () => {
    const { id } = await order('sandbox');
    await people.untilOrder(buyer, id, 'paid');
    const mail = await eventually('it is kept', async () => {
      const { data } = must(await buyer.call('GET', '/notifications'), 200);
      return data.find(({ text, status }: Json) => status !== 'sending' && String(text).includes(id));
    });
    expect(mail).to.include({ channel: 'email', status: 'kept', to: buyer.email });
  });

  it('whose answer is lost is found out by asking, and charged once', async () => {
    const { id } = await order('sandbox_timeout');
    const paid = await people.untilOrder(buyer, id, 'paid');
    expect(await ledger(paid.payment.id)).to.include({ captures: 1, captured: 1_000, requests: 1 });
    const history = must(await buyer.call('GET', `/orders/${id}/history`), 200).data;
    expect(history.filter(({ type }: Json) => type === 'PaymentCaptured')).to.have.length(1);
  });

  it('that is declined can be tried again with another method', async () => {
    const { id } = await order('sandbox_decline');
    const declined = await eventually('it is declined', async () => {
      const { data } = await buyer.call('GET', `/orders/${id}`);
      return data.payment.status === 'declined' ? data : undefined;
    });
    expect(declined.status).to.equal('pending');
    must(await buyer.call('POST', '/payments', { order_id: id, method: 'sandbox' }), 201);
    await people.untilOrder(buyer, id, 'paid');
    const attempts = must(await buyer.call('GET', `/orders/${id}/payments`), 200).data;
    expect(attempts.map(({ status }: Json) => status)).to.deep.equal(['declined', 'captured']);
    const again = must(await buyer.call('POST', '/payments', { order_id: id, method: 'sandbox' }), 409);
    expect(again.body.errors[0].code).to.equal('CONFLICT');
  });

  it('that needs it waits for its confirmation', async () => {
    const { id } = await order('sandbox_confirm');
    const authorised = await eventually('it is authorised', async () => {
      const { data } = await buyer.call('GET', `/orders/${id}`);
      return data.payment.status === 'authorised' ? data : undefined;
    });
    expect(await ledger(authorised.payment.id)).to.include({ captures: 0 });
    must(await buyer.call('POST', `/payments/${authorised.payment.id}/confirm`), 200);
    await people.untilOrder(buyer, id, 'paid');
    expect(await ledger(authorised.payment.id)).to.include({ captures: 1 });
  });

  const stockIsFree = (before: number) =>
    eventually('the stock is free again', async () => {
      const { data } = await seller.call('GET', `/products/${product}`);
      return data.stock.available === before ? true : undefined;
    });

  it('that is refunded in full before shipping closes the order and frees its stock', async () => {
    const before = must(await seller.call('GET', `/products/${product}`), 200).data.stock.available as number;
    const { id, payment } = await order('sandbox', 2);
    await people.untilOrder(buyer, id, 'paid');
    must(await seller.call('POST', `/payments/${payment.id}/refund`, { reason: 'sold out' }), 200);
    await people.untilOrder(buyer, id, 'cancelled');
    await stockIsFree(before);
  });

  it('goes back when the seller cancels their own lines before shipping', async () => {
    const before = must(await seller.call('GET', `/products/${product}`), 200).data.stock.available as number;
    const { id } = await order('sandbox', 2);
    await people.untilOrder(buyer, id, 'paid');
    must(await seller.call('PUT', `/orders/${id}/cancel`, { reason: 'sold out' }), 200);
    await people.untilOrder(buyer, id, 'cancelled');
    await eventually('the money is back', async () => {
      const { data } = await buyer.call('GET', `/orders/${id}`);
      return data.payment.refunded === 20 ? true : undefined;
    });
    await stockIsFree(before);
  });

  it('captured after the order was cancelled is given back, once', async () => {
    const { id, payment } = await order('sandbox');
    must(await buyer.call('PUT', `/orders/${id}/cancel`, {}), 200);
    const after = await eventually('the money has come to rest', async () => {
      const { data } = await buyer.call('GET', `/orders/${id}`);
      const idle = data.payment.captured === data.payment.refunded && data.payment.status !== 'requested';
      return idle ? data : undefined;
    });
    expect(after.status).to.equal('cancelled');
    const found = await ledger(payment.id);
    expect(found.captured - found.refunded).to.equal(0);
    expect(found.refunds).to.equal(found.captures);
  });

  it('of a cancelled order is given back in full, once, and its stock is free again', async () => {
    const before = must(await buyer.call('GET', `/products/${product}`), 200).data.stock;
    const { id, payment } = await order('sandbox', 3);
    await people.untilOrder(buyer, id, 'paid');
    const cancelling = await Promise.all([1, 2, 3].map(() => buyer.call('PUT', `/orders/${id}/cancel`, {})));
    cancelling.forEach((answer) => must(answer, 200));
    await eventually(
      'it is refunded',
      async () => (await buyer.call('GET', `/orders/${id}`)).data.payment.refunded === 30,
    );
    expect(await ledger(payment.id)).to.include({ captures: 1, captured: 3_000, refunds: 1, refunded: 3_000 });
    await eventually('its stock is free', async () => {
      const { data } = await buyer.call('GET', `/products/${product}`);
      return data.stock.reserved === before.reserved;
    });
  });

  it('can be given back in part by its seller, never more than was captured', async () => {
    const { id, payment } = await order('sandbox', 2);
    await people.untilOrder(buyer, id, 'paid');
    const reason = 'a scratch';
    must(await seller.call('POST', `/payments/${payment.id}/refund`, { amount: '5.00', reason }), 200);
    must(await seller.call('POST', `/payments/${payment.id}/refund`, { amount: '15.01', reason }), 409);
    must(await seller.call('POST', `/payments/${payment.id}/refund`, { reason }), 200);
    must(await seller.call('POST', `/payments/${payment.id}/refund`, { reason }), 409);
    await eventually(
      'all is given back',
      async () => (await buyer.call('GET', `/orders/${id}`)).data.payment.refunded === 20,
    );
    expect((await ledger(payment.id)).refunded).to.equal(2_000);
  });

  it('that does not come in time cancels the order and frees its stock', async () => {
    const before = must(await buyer.call('GET', `/products/${product}`), 200).data.stock;
    const { id } = await order('sandbox_decline');
    const cancelled = await people.untilOrder(buyer, id, 'cancelled', 15_000);
    expect(cancelled.cancel_reason).to.be.a('string').that.is.not.empty;
    await eventually('its stock is free', async () => {
      const { data } = await buyer.call('GET', `/products/${product}`);
      return data.stock.reserved <= before.reserved;
    });
  });
});
