import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import type { RecordedEvent } from '../../src/eventstore/eventStore.ts';
import { acknowledged, captures, oneEach, ordersOf, stock, wholeness, type Told } from './checks.ts';
import type { Acknowledged } from './client.ts';

const ORDER = randomUUID();
const PRODUCT = randomUUID();
const PAYMENT = randomUUID();
const FIRST = { orderId: ORDER, quantity: 2 };

type Said = readonly [stream: string, type: string, data: object];
const placed: Said = [`order-${ORDER}`, 'OrderPlaced', { buyerId: 'b', lines: [], currency: 'USD', total: 1_000 }];
const asked: Said = [`order-${ORDER}`, 'PaymentRequested', { paymentId: PAYMENT, method: 'sandbox', amount: 1_000 }];
const captured: Said = [`order-${ORDER}`, 'PaymentCaptured', { paymentId: PAYMENT, reference: 'r', amount: 1_000 }];
const cancelled: Said = [`order-${ORDER}`, 'OrderCancelled', { reason: 'r', by: 'buyer' }];
const received: Said = [`stock-${PRODUCT}`, 'StockReceived', { quantity: 2 }];
const reserved: Said = [`stock-${PRODUCT}`, 'StockReserved', { ...FIRST, buyerId: 'b', expiresAt: 'e' }];
const admin: Said = [`user-${randomUUID()}`, 'UserRegistered', {}];

function logOf(...said: readonly Said[]): RecordedEvent[] {
  const revisions = new Map<string, bigint>();
  return said.map(([stream, type, data], index) => {
    const revision = (revisions.get(stream) ?? -1n) + 1n;
    revisions.set(stream, revision);
    return { id: randomUUID(), stream, revision, position: BigInt(index + 1), type, data, metadata: {} } as never;
  });
}

const told = (log: RecordedEvent[], ...history: Acknowledged[]): Told => ({ history, log, orders: ordersOf(log) });
const order = (id: string, position: bigint): Acknowledged => ({
  ...{ what: 'order', who: 'b', key: randomUUID(), status: 201, id, position, attempts: 1 },
});

describe('the checks of a run of chaos', () => {
  const good = (): RecordedEvent[] => logOf(admin, received, reserved, placed, asked, captured);

  it('find nothing wrong where nothing is', async () => {
    const evidence = told(good(), order(ORDER, 4n));
    for (const check of [wholeness, acknowledged, oneEach, stock, captures]) {
      expect(await check(evidence)).to.deep.equal([]);
    }
  });

  const wrong: readonly [string, (evidence: Told) => string[] | Promise<string[]>, () => Told, string][] = [
    ['a gap', wholeness, () => told(good().filter((_, at) => at !== 2)), 'there is a gap before 4'],
    ['an event twice', wholeness, () => told([...good(), good()[0]!, ...good().slice(0, 1)]), 'jumps to revision'],
    ['an acknowledged event lost', acknowledged, () => told(good(), order(ORDER, 9n)), 'the log has nothing'],
    ['an acknowledged order lost', oneEach, () => told(good(), order(randomUUID(), 4n)), 'is lost'],
    ['an order of nobody', oneEach, () => told(good()), '0 times order, but 1 OrderPlaced'],
    ['one order for two keys', oneEach, () => told(good(), order(ORDER, 4n), order(ORDER, 4n)), 'two keys'],
    ['an order placed twice', oneEach, () => told(logOf(admin, placed, placed), order(ORDER, 2n)), 'more than one'],
    ['more promised than there is', stock, () => told(logOf(reserved, received, placed)), 'has 0 and promised 2'],
    [
      'a promise that outlives its order',
      stock,
      () => told(logOf(received, reserved, placed, cancelled)),
      'still holds',
    ],
    ['a promise to no order', stock, () => told(logOf(received, reserved)), 'which is not there'],
    ['a capture too many', captures, () => told(logOf(placed, asked, captured, captured)), 'captured 2 times'],
    [
      'money kept for a cancelled order',
      captures,
      () => told(logOf(placed, asked, captured, cancelled)),
      'where 0 is due',
    ],
  ];
  for (const [name, check, evidence, says] of wrong) {
    it(`see ${name}`, async () => expect((await check(evidence())).join('\n')).to.contain(says));
  }
});
