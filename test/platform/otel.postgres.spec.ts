import { expect } from 'chai';
import { freshDatabase, type TestDatabase } from '../support/database.ts';
import { eventually } from '../support/eventually.ts';
import { muteProxy } from '../support/muteProxy.ts';
import { request, serveShop } from '../support/shop.ts';
import { startCollector, type CollectedSpan } from './collector.ts';

const SERVER = 2;
const INTERNAL = 1;
const CLIENT = 3;
const CONSUMER = 5;
const TRACE = 'a'.repeat(32);
const CALLER = 'b'.repeat(16);

describe('a purchase as a trace', () => {
  let database: TestDatabase;
  let collector: Awaited<ReturnType<typeof startCollector>>;
  let shop: Awaited<ReturnType<typeof serveShop>>;
  let spans: readonly CollectedSpan[] = [];

  const ofTrace = (): CollectedSpan[] => collector.spans.filter(({ traceId }) => traceId === TRACE);
  const one = (name: string): CollectedSpan => {
    const [found, ...more] = spans.filter((span) => span.name === name);
    if (found === undefined || more.length > 0) {
      throw new Error(`${more.length + 1} of ${name} among ${spans.map((span) => span.name).join(', ')}`);
    }
    return found;
  };
  /** The names of a span and its ancestors, then the id of the caller's span. */
  const wayUp = (span: CollectedSpan): string[] => {
    const parent = spans.find(({ spanId }) => spanId === span.parentSpanId);
    return [span.name, ...(parent === undefined ? [String(span.parentSpanId)] : wayUp(parent))];
  };

  before(async function () {
    this.timeout(120_000);
    collector = await startCollector();
    database = await freshDatabase();
    shop = await serveShop(database.url, {
      OTEL_EXPORTER_OTLP_ENDPOINT: `${collector.url}/`,
      OTEL_EXPORTER_OTLP_HEADERS: 'x-key=a%20secret,x-other=b',
      OTEL_SERVICE_NAME: 'shop-under-test',
    });
    const { people } = shop;
    const seller = await people.seller();
    const product = await people.product(seller, await people.category());
    const buyer = await people.buyer();
    const body = { items: [{ product_id: product, quantity: 1 }], shipping_address: '1 Abbey Road, London' };
    const headers = { traceparent: `00-${TRACE}-${CALLER}-01` };
    const { data, status } = await buyer.call('POST', '/orders', body, headers);
    expect(status).to.equal(201);
    await people.untilOrder(buyer, data.id, 'paid', 30_000);
    await eventually(
      'the trace has arrived',
      () => {
        const names = new Set(ofTrace().map(({ name }) => name));
        const linked = collector.spans.filter(({ links }) => links.some(({ traceId }) => traceId === TRACE));
        const wanted = ['POST /api/v1/orders', 'process payment', 'command RecordCapture', 'process notification'];
        return Promise.resolve(wanted.every((name) => names.has(name)) && linked.length > 3 ? true : undefined);
      },
      30_000,
    );
    await shop.stop();
    spans = ofTrace();
  });
  after(async () => {
    await collector.stop();
    await database.drop();
  });

  it('begins at the request, below the caller', () => {
    const request = one('POST /api/v1/orders');
    expect([request.parentSpanId, request.kind, request.failed]).to.deep.equal([CALLER, SERVER, false]);
    expect(request.attributes).to.deep.equal({
      'http.request.method': 'POST',
      'http.route': '/api/v1/orders',
      'http.response.status_code': 201,
      'url.path': '/api/v1/orders',
      'url.scheme': 'http',
    });
  });

  it('goes on through each command to its append', () => {
    const place = one('command PlaceOrder');
    expect([place.kind, wayUp(place)]).to.deep.equal([INTERNAL, ['command PlaceOrder', 'POST /api/v1/orders', CALLER]]);
    const append = spans.find(({ parentSpanId }) => parentSpanId === place.spanId)!;
    expect([append.name, append.kind]).to.deep.equal(['append order', CLIENT]);
    expect(append.attributes).to.deep.equal({
      'db.operation.name': 'append',
      'db.collection.name': 'order',
      'db.operation.batch.size': 2,
    });
  });

  it('goes on from the event to the handler, and to the commands that follow', () => {
    const payment = spans.filter(({ name }) => name === 'process payment');
    expect(payment.map(({ kind }) => kind)).to.include(CONSUMER);
    const asked = payment.find(
      ({ attributes }) => attributes['messaging.destination.name'] === 'cartulary.order.PaymentRequested',
    )!;
    expect(wayUp(asked)).to.deep.equal(['process payment', 'command PlaceOrder', 'POST /api/v1/orders', CALLER]);
    expect(wayUp(one('command RecordCapture')).at(-1)).to.equal(CALLER);
    expect(wayUp(one('command RecordCapture'))).to.include('process payment');
  });

  it('is linked from the batches of the read models', () => {
    const place = one('command PlaceOrder');
    const batches = collector.spans.filter(({ links }) => links.some(({ spanId }) => spanId === place.spanId));
    const names = batches.map(({ name }) => name);
    expect(names).to.include.members(['project orders', 'project payments']);
    for (const { traceId, kind } of batches) expect([traceId === TRACE, kind]).to.deep.equal([false, CONSUMER]);
  });

  it('hangs together: every span below another, or the caller', () => {
    for (const span of spans) expect(wayUp(span).at(-1), span.name).to.equal(CALLER);
  });

  it('says who sends it, and nothing about persons', () => {
    expect(collector.seen.path).to.equal('/v1/traces');
    expect(collector.seen.headers).to.include({ 'x-key': 'a secret', 'x-other': 'b' });
    expect(collector.seen.resource).to.include({ 'service.name': 'shop-under-test' });
    expect(JSON.stringify(collector.spans)).to.not.match(/Abbey|@example\.com|claim-/);
  });
});

describe('traces that the collector refuses', () => {
  it('cost the shop nothing: it serves and stops as ever', async () => {
    const database = await freshDatabase();
    const collector = await startCollector(503);
    const shop = await serveShop(database.url, { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url });
    try {
      await shop.people.buyer();
      await eventually('it was refused', () => Promise.resolve(collector.seen.requests > 0 || undefined), 30_000);
      await shop.people.buyer();
    } finally {
      const began = Date.now();
      await shop.stop();
      expect(Date.now() - began).to.be.below(15_000);
      await collector.stop();
      await database.drop();
    }
  }).timeout(120_000);

  it('go on when the connection to the collector goes silent: only those on their way are lost', async () => {
    const database = await freshDatabase();
    const collector = await startCollector();
    const proxy = await muteProxy(collector.url);
    const shop = await serveShop(database.url, { OTEL_EXPORTER_OTLP_ENDPOINT: proxy.url.replace(/\/$/, '') });
    const arrive = (): Promise<unknown> => {
      const before = collector.spans.length;
      return eventually(
        'spans arrive',
        async () => {
          await request(shop.url, 'GET', '/categories');
          return collector.spans.length > before;
        },
        30_000,
      );
    };
    try {
      await arrive();
      proxy.mute();
      await arrive();
    } finally {
      await shop.stop();
      proxy.close();
      await collector.stop();
      await database.drop();
    }
  }).timeout(120_000);

  it('are not made at all unless asked for, and no longer once the shop that was asked has stopped', async () => {
    const database = await freshDatabase();
    const shop = await serveShop(database.url);
    try {
      const { isTracing } = await import('../../src/platform/trace.ts');
      expect(isTracing()).to.equal(false);
    } finally {
      await shop.stop();
      await database.drop();
    }
  }).timeout(60_000);
});
