import { adminsDecider } from '../../src/aggregates/admins.ts';
import { cartDecider } from '../../src/aggregates/cart.ts';
import { claimDecider } from '../../src/aggregates/claim.ts';
import { currencyDecider } from '../../src/aggregates/currency.ts';
import { mailboxDecider } from '../../src/aggregates/mailbox.ts';
import { orderDecider } from '../../src/aggregates/order.ts';
import { sessionDecider } from '../../src/aggregates/session.ts';
import { stockDecider } from '../../src/aggregates/stock.ts';
import { unpaidDecider } from '../../src/aggregates/unpaid.ts';
import { NOW } from '../support/given.ts';
import { asSealed } from '../support/personalData.ts';
import { administrationSample } from './administrationSample.ts';
import { reviewSample } from './reviewSample.ts';
import { catalogueSamples } from './catalogueSamples.ts';
import { type Sample, sample } from './sample.ts';
import { userSample } from './userSamples.ts';

export type { Sample } from './sample.ts';

const EXPIRY = '2026-03-31T12:00:00.000Z';
const ADDS_UP = 'quantities add up; that it is the same command is known by its id';

const reservation = { orderId: 'one', buyerId: 'ann', quantity: 2, expiresAt: EXPIRY };
const lines = [
  { productId: 'tea', storeId: 's', sellerId: 'ben', name: 'Tea', price: 1_990, currency: 'EUR', quantity: 2 },
];
const order = {
  ...{ buyerId: 'ann', lines, currency: 'EUR', total: 3_980, shippingAddress: asSealed('a'), billingAddress: null },
  ...{ notes: null, fromCart: true, payBy: NOW },
};
const refund = { refundId: 'r1', paymentId: 'p1', amount: 980, currency: 'EUR', reason: 'damaged', storeId: null };
const ordered = ['OrderPlaced', 'PaymentRequested'] as const;
const paid = [...ordered, 'PaymentCaptured'] as const;

export const samples: readonly Sample[] = [
  userSample,
  ...catalogueSamples,
  sample(
    mailboxDecider,
    { LinkMailAllowed: { countsUntil: EXPIRY } },
    { AllowLinkMail: { data: { countsUntil: EXPIRY }, again: 'each mail counts' } },
  ),
  sample(
    adminsDecider,
    { AdminRetired: { userId: 'ada' }, AdminReinstated: { userId: 'ada' } },
    {
      RetireAdmin: { data: { userId: 'ada', others: ['bea'] } },
      ReinstateAdmin: { after: ['AdminRetired'], data: { userId: 'ada' } },
    },
  ),
  administrationSample,
  sample(
    sessionDecider,
    {
      SessionStarted: {
        ...{ userId: 'ann', tokenHash: 'first', startedAt: NOW, expiresAt: EXPIRY },
        ...{ passwordChanges: 0, rolesTaken: 0, deactivations: 0, random: true as const },
        ...{ address: asSealed('1'), agent: asSealed('2') },
      },
      SessionRefreshed: { tokenHash: 'second' },
      SessionEnded: { userId: 'ann', reason: 'logout' },
    },
    {
      StartSession: {
        data: {
          ...{ userId: 'ann', tokenHash: 'first', expiresAt: EXPIRY },
          ...{ passwordChanges: 0, rolesTaken: 0, deactivations: 0 },
        },
      },
      RefreshSession: {
        after: ['SessionStarted'],
        data: { presented: 'first', tokenHash: 'second' },
        again: 'the token is spent by then, and a spent token ends the session',
      },
      EndSession: { after: ['SessionStarted'], data: { presented: 'first', reason: 'logout' } },
    },
  ),
  sample(
    claimDecider,
    { ValueClaimed: { holder: 'ann', at: NOW }, ClaimReleased: { holder: 'ann' } },
    {
      ClaimValue: { after: ['ValueClaimed'], data: { holder: 'ben', turn: 1, abandoned: 'ann' } },
      ReleaseClaim: { after: ['ValueClaimed'], data: { holder: 'ann', turn: 1 } },
    },
  ),
  sample(
    unpaidDecider,
    {
      UnpaidOrderOpened: { orderId: 'o', lines: [{ productId: 'tea', quantity: 2 }], expiresAt: EXPIRY },
      UnpaidOrderClosed: { orderId: 'o' },
    },
    {
      OpenUnpaidOrder: {
        data: {
          ...{ orderId: 'o', lines: [{ productId: 'tea', quantity: 2 }], expiresAt: EXPIRY },
          bounds: { ordersMax: 5, unitsMax: 100 },
        },
      },
      CloseUnpaidOrder: { after: ['UnpaidOrderOpened'], data: { orderId: 'o' } },
    },
  ),
  sample(currencyDecider, { CurrencyChosen: { currency: 'EUR' } }, { ChooseCurrency: { data: { currency: 'EUR' } } }),
  sample(
    stockDecider,
    {
      StockReceived: { quantity: 10 },
      StockAdjusted: { change: -1, reason: 'broken' },
      StockReserved: reservation,
      StockReleased: { orderId: 'one', quantity: 2 },
      StockShipped: { orderId: 'one', quantity: 2 },
      LowStockThresholdChanged: { below: 5 },
      StockRanLow: { available: 4, below: 5 },
    },
    {
      ReceiveStock: { data: { quantity: 10 }, again: ADDS_UP },
      AdjustStock: { after: ['StockReceived'], data: { change: -1, reason: 'broken' }, again: ADDS_UP },
      SetStock: { after: ['StockReceived'], data: { total: 7, reason: 'counted' } },
      ReserveStock: { after: ['StockReceived'], data: reservation },
      ReleaseStock: { after: ['StockReceived', 'StockReserved'], data: { orderId: 'one' } },
      ChangeLowStockThreshold: { data: { below: 5 } },
      ShipStock: { after: ['StockReceived', 'StockReserved'], data: { orderId: 'one' } },
    },
  ),
  sample(
    cartDecider,
    {
      CartItemAdded: { productId: 'tea', quantity: 2, at: NOW, first: true },
      CartItemQuantityChanged: { productId: 'tea', quantity: 5, at: NOW },
      CartItemRemoved: { productId: 'tea', at: NOW },
      CartCleared: { at: NOW },
      CheckoutStarted: { orderId: 'one', lines: [{ productId: 'tea', quantity: 2 }], expiresAt: EXPIRY },
      CheckoutFailed: { orderId: 'one', reason: 'InsufficientStock' },
      CartCheckedOut: { orderId: 'one', at: NOW },
    },
    {
      AddCartItem: { data: { productId: 'tea', quantity: 2 }, again: ADDS_UP },
      ChangeCartItem: { after: ['CartItemAdded'], data: { productId: 'tea', quantity: 5 } },
      RemoveCartItem: { after: ['CartItemAdded'], data: { productId: 'tea' } },
      ClearCart: { after: ['CartItemAdded'], data: {} },
      StartCheckout: { after: ['CartItemAdded'], data: { orderId: 'one', expiresAt: EXPIRY } },
      FailCheckout: { after: ['CartItemAdded', 'CheckoutStarted'], data: { orderId: 'one', reason: 'late' } },
      CheckOutCart: { after: ['CartItemAdded', 'CheckoutStarted'], data: { orderId: 'one' } },
    },
  ),
  sample(
    orderDecider,
    {
      OrderPlaced: order,
      PaymentRequested: { paymentId: 'p1', attempt: 1, method: 'sandbox', amount: 3_980, currency: 'EUR' },
      PaymentAuthorised: { paymentId: 'p1', reference: 'a' },
      PaymentConfirmed: { paymentId: 'p1' },
      PaymentDeclined: { paymentId: 'p1', reason: 'no funds' },
      PaymentCaptured: { paymentId: 'p1', reference: 'c', amount: 3_980, currency: 'EUR' },
      FulfilmentAdvanced: { storeId: 's', status: 'processing' },
      RefundRequested: refund,
      PaymentRefunded: { refundId: 'r1', paymentId: 'p1', amount: 980, currency: 'EUR', reference: 'r' },
      OrderCancelled: { reason: 'late', by: 'buyer' },
      FulfilmentCancelled: { storeId: 'store', reason: 'sold out', by: 'seller' },
      OrderAbandoned: {},
    },
    {
      PlaceOrder: { data: { order, payment: { paymentId: 'p1', method: 'sandbox' } } },
      AbandonOrder: { data: {} },
      CancelOrder: { after: paid, data: { reason: 'late', by: 'buyer', refundId: 'r1' } },
      CancelFulfilment: { after: paid, data: { storeId: 's', reason: 'sold out', refundId: 'r1' } },
      AdvanceFulfilment: { after: paid, data: { storeId: 's', status: 'processing' } },
      RequestPayment: { after: [...ordered, 'PaymentDeclined'], data: { paymentId: 'p2', method: 'sandbox' } },
      RecordAuthorisation: { after: ordered, data: { paymentId: 'p1', reference: 'a' } },
      ConfirmPayment: { after: [...ordered, 'PaymentAuthorised'], data: { paymentId: 'p1' } },
      RecordCapture: {
        after: ordered,
        data: { paymentId: 'p1', reference: 'c', amount: 3_980, currency: 'EUR', refundId: 'r1' },
      },
      RecordDecline: { after: ordered, data: { paymentId: 'p1', reason: 'no funds' } },
      RequestRefund: {
        after: paid,
        data: {
          ...{ refundId: 'r1', paymentId: 'p1', reason: 'damaged', storeId: null },
          amount: { amount: 980, currency: 'EUR' },
        },
      },
      RecordRefund: { after: [...paid, 'RefundRequested'], data: { refundId: 'r1', reference: 'r' } },
    },
  ),
  reviewSample,
];
