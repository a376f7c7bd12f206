import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import pg from 'pg';
import { from as copyFrom } from 'pg-copy-streams';

/** Orders in progress at the same time. Their events are interleaved. */
const UNDER_WAY = 200;
const LINES_PER_CHUNK = 500;
const SEALED = `pd1.${'x'.repeat(36)}.${'y'.repeat(160)}`;

/** A uuid that is the same in each run. */
export const uuidOf = (name: string): string => {
  const hex = createHash('md5').update(name).digest('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-7${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20)}`;
};

const stores = Array.from({ length: 20 }, (_, index) => uuidOf(`store ${index}`));
const products = Array.from({ length: 500 }, (_, index) => uuidOf(`product ${index}`));
const buyers = Array.from({ length: 2_000 }, (_, index) => uuidOf(`buyer ${index}`));

interface BenchEvent {
  readonly type: string;
  readonly data: object;
}

/** The life of one order, from placed to completed. */
export function lifeOf(order: number): readonly BenchEvent[] {
  const paymentId = uuidOf(`payment ${order}`);
  const storeId = stores[order % stores.length]!;
  const lines = Array.from({ length: 1 + (order % 3) }, (_, line) => ({
    productId: products[(order * 7 + line) % products.length]!,
    storeId,
    sellerId: uuidOf(`seller ${order % stores.length}`),
    name: `A "useful" thing no. ${line}`,
    price: 1_999,
    quantity: 1 + line,
  }));
  const total = lines.reduce((sum, { price, quantity }) => sum + price * quantity, 0);
  const place = {
    buyerId: buyers[order % buyers.length]!,
    ...{ lines, currency: 'EUR', total, shippingAddress: SEALED, billingAddress: SEALED, notes: null, fromCart: true },
    payBy: '2026-11-21T09:10:00.000Z',
  };
  const advanced = ['processing', 'shipping', 'shipped', 'completed'].map((status) => ({
    type: 'FulfilmentAdvanced',
    data: { storeId, status },
  }));
  return [
    { type: 'OrderPlaced', data: place },
    { type: 'PaymentRequested', data: { paymentId, attempt: 1, method: 'sandbox', amount: total, currency: 'EUR' } },
    { type: 'PaymentAuthorised', data: { paymentId, reference: `ref-${order}` } },
    { type: 'PaymentCaptured', data: { paymentId, reference: `ref-${order}`, amount: total } },
    ...advanced,
  ];
}

const escaped = (text: string): string => text.replaceAll('\\', '\\\\');

function lineOf(position: number, order: number, revision: number, { type, data }: BenchEvent): string {
  const correlationId = uuidOf(`order ${order}`);
  const id = uuidOf(`event ${order} ${revision}`);
  const metadata = {
    ...{ commandId: id, command: 'AdvanceOrder', correlationId, causationId: id, actor: 'system:payment' },
    ...{ occurredAt: '2026-11-21T08:40:00.123Z', schema: 1 },
  };
  const fields = [
    position,
    `order-${correlationId}`,
    revision,
    id,
    type,
    JSON.stringify(data),
    JSON.stringify(metadata),
  ];
  return `${fields.map((field) => escaped(String(field))).join('\t')}\n`;
}

function* lines(count: number): Generator<string> {
  const underWay: { order: number; revision: number; life: readonly BenchEvent[] }[] = [];
  let orders = 0;
  let chunk = '';
  for (let position = 1; position <= count; position += 1) {
    const slot = position % UNDER_WAY;
    let one = underWay[slot];
    if (one === undefined || one.revision === one.life.length) {
      one = underWay[slot] = { order: orders, revision: 0, life: lifeOf(orders) };
      orders += 1;
    }
    chunk += lineOf(position, one.order, one.revision, one.life[one.revision]!);
    one.revision += 1;
    if (position % LINES_PER_CHUNK > 0 && position < count) continue;
    yield chunk;
    chunk = '';
  }
}

/** Fills an empty log with this many events of orders. Writes them without the store, whose appends are not measured here. */
export async function fillWithOrders(url: string, count: number): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await pipeline(
    Readable.from(lines(count)),
    client.query(copyFrom('COPY events (position, stream, revision, id, type, data, metadata) FROM STDIN')),
  );
  await client.query(`UPDATE store_head SET position = ${count}; ANALYZE events; CHECKPOINT`);
  await client.end();
}
