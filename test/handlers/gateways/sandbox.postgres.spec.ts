import { expect } from 'chai';
import { GatewayRefused, GatewayTimeout, type PaymentGateway } from '../../../src/handlers/gateways/gateway.ts';
import { createSandboxGateway, sandboxLedger } from '../../../src/handlers/gateways/sandbox.ts';
import { createPool, type Pool } from '../../../src/platform/postgres/pool.ts';
import { freshDatabase, type TestDatabase } from '../../support/database.ts';
import { rejection } from '../../support/rejection.ts';

describe('sandbox gateway', () => {
  let database: TestDatabase;
  let pool: Pool;
  let gateway: PaymentGateway;
  const { signal } = new AbortController();
  const EUROS = { amount: 5_000, currency: 'EUR' };
  const charge = (key: string, method = 'sandbox') => ({ key, ...EUROS, method });

  before(async () => {
    database = await freshDatabase();
    pool = createPool({ url: database.url, name: 'sandbox', max: 10, int8: 'bigint' });
    gateway = createSandboxGateway({ pool, delayMs: 0 });
  });
  after(async () => {
    await pool.end();
    await database.drop();
  });

  it('captures at once, and once per key however often it is asked', async () => {
    const answers = await Promise.all(Array.from({ length: 10 }, () => gateway.charge(charge('once'), signal)));
    expect(new Set(answers.map((answer) => JSON.stringify(answer)))).to.have.property('size', 1);
    expect(answers[0]).to.include({ status: 'captured', amount: 5_000 });
    expect(await sandboxLedger(pool, ['once'])).to.deep.equal([
      { key: 'once', method: 'sandbox', status: 'captured', amount: 5_000, refunded: 0, requests: 10, refunds: 0 },
    ]);
  });

  it('declines, and says why', async () => {
    expect(await gateway.charge(charge('poor', 'sandbox_decline'), signal)).to.have.property('status', 'declined');
    expect(await gateway.find('poor', signal)).to.have.property('status', 'declined');
  });

  it('authorises first and captures when confirmed', async () => {
    const authorised = await gateway.charge(charge('later', 'sandbox_confirm'), signal);
    if (authorised.status !== 'authorised') throw new Error(authorised.status);
    const early = rejection(
      gateway.refund({ key: 'early', reference: authorised.reference, amount: 1, currency: 'EUR' }, signal),
    );
    expect(await early).to.be.instanceOf(GatewayRefused);
    const captured = await gateway.capture({ key: 'later', reference: authorised.reference }, signal);
    expect(captured).to.deep.equal({ status: 'captured', reference: authorised.reference, ...EUROS });
    expect(await gateway.capture({ key: 'later', reference: authorised.reference }, signal)).to.deep.equal(captured);
  });

  it('captures, loses its answer the first time, and knows what became of it', async () => {
    const lost = rejection(gateway.charge(charge('lost', 'sandbox_timeout'), signal));
    expect(await lost).to.be.instanceOf(GatewayTimeout);
    expect(await gateway.find('lost', signal)).to.include({ status: 'captured', amount: 5_000 });
    expect(await gateway.charge(charge('lost', 'sandbox_timeout'), signal)).to.have.property('status', 'captured');
  });

  it('has never heard of a key it was not given', async () => {
    expect(await gateway.find('nobody', signal)).to.equal(undefined);
    expect(await gateway.findRefund('nobody', signal)).to.equal(undefined);
  });

  it('refuses a key used again for something else, and a method it does not know', async () => {
    await gateway.charge(charge('fixed'), signal);
    const other = rejection(gateway.charge({ ...charge('fixed'), amount: 1 }, signal));
    expect(await other).to.be.instanceOf(GatewayRefused);
    expect(await rejection(gateway.charge(charge('odd', 'sandbox_gold'), signal))).to.be.instanceOf(GatewayRefused);
  });

  it('gives back once per key, and never more than was captured, even side by side', async () => {
    const captured = await gateway.charge(charge('back'), signal);
    if (captured.status !== 'captured') throw new Error(captured.status);
    const { reference } = captured;
    const twice = { key: 'back-1', reference, amount: 2_000, currency: 'EUR' };
    expect(await gateway.refund(twice, signal)).to.deep.equal(await gateway.refund(twice, signal));
    expect(await gateway.findRefund('back-1', signal)).to.include({ amount: 2_000, currency: 'EUR' });
    const inYen = gateway.refund({ key: 'yen', reference, amount: 1, currency: 'JPY' }, signal);
    expect(await rejection(inYen)).to.be.instanceOf(GatewayRefused);
    const tries = await Promise.allSettled(
      Array.from({ length: 8 }, (_, index) =>
        gateway.refund({ key: `many-${index}`, reference, amount: 1_000, currency: 'EUR' }, signal),
      ),
    );
    expect(tries.filter(({ status }) => status === 'fulfilled')).to.have.length(3);
    expect((await sandboxLedger(pool, ['back']))[0]).to.include({ refunded: 5_000, refunds: 4 });
  });

  it('takes its time, and no longer than it is given', async () => {
    const slow = createSandboxGateway({ pool, delayMs: 60_000 });
    const aborting = new AbortController();
    const charging = rejection(slow.charge(charge('slow'), aborting.signal));
    aborting.abort();
    expect(await charging).to.have.property('name', 'AbortError');
    expect(await gateway.find('slow', signal)).to.equal(undefined);
  });
});
