import type { Schema } from './openapiSchemas.ts';

const id = (number: number): string => `0197f2e4-6c1b-7c3e-9b1a-0a1b2c3d4e${number.toString(16).padStart(2, '0')}`;

/** The ids of the example: one shop, in which Ada buys from Sid. */
const ADA = id(1);
const SID = id(2);
const STORE = id(3);
const CATEGORY = id(4);
const PRODUCT = id(5);
const ORDER = id(6);
const PAYMENT = id(7);
const EVENT = id(8);
const NOTIFICATION = id(9);
const COMMAND = id(10);
const REVIEW = id(12);
const IMAGE = id(13);
const DEAD_LETTER = id(32);

const NEXT_PASSWORD = 'quiet harbour lantern';

/**
 * The values that fields have in examples, by `Schema.field` or by `field` alone. A schema without a title has the name of its
 * contract. Formats, choices and defaults need no line here.
 */
const VALUES: Readonly<Record<string, unknown>> = {
  'ListProduct.stock': 25,
  'UpdateProduct.stock': 25,
  low_stock_threshold: 5,
  'ListLowStock.below': 10,
  'ChangeInventory.operation': 'set',
  'ChangeInventory.quantity': 25,
  'ItemAvailability.in_stock': 12,
  ...{ 'ItemAvailability.available': true, 'Availability.available': true },
  'CartLine.available': true,
  'User.id': ADA,
  'Store.id': STORE,
  'Product.id': PRODUCT,
  'Category.id': CATEGORY,
  'Order.id': ORDER,
  'SellerOrder.id': ORDER,
  'Payment.id': PAYMENT,
  'Notification.id': NOTIFICATION,
  ...{
    'Review.id': REVIEW,
    'ReviewForAdmins.id': REVIEW,
    author_id: ADA,
    author: 'Ada B.',
    comment: 'It writes well.',
  },
  ...{ 'Review.answer.text': 'Thank you, Ada.', 'ReviewForAdmins.answer.text': 'Thank you, Ada.' },
  'ConfirmPayment.payment_intent_id': 'pi_3OqX2c',
  ...{ 'AnswerReview.text': 'Thank you, Ada.', hidden_because: null, 'HideReview.reason': 'Advertising.' },
  ...{ 'ShowReview.reason': 'Hidden by mistake.', 'Rating.average': 4.5, 'Rating.count': 2 },
  ...{ 'Rating.distribution': { 1: 0, 2: 0, 3: 0, 4: 1, 5: 1 } },
  ...{ 'Review.rating': 4, 'ReviewForAdmins.rating': 4, 'PostReview.rating': 4, 'EditReview.rating': 5 },
  'ListReviews.rating': 4,
  ...{ buyer_id: ADA, owner_id: SID, seller_id: SID, actor: ADA, store_id: STORE, product_id: PRODUCT },
  parent_id: null,
  ...{ category_id: CATEGORY, order_id: ORDER, event_id: EVENT, causation_id: EVENT },
  ...{ command_id: COMMAND, correlation_id: 'a1b2c3' },
  ...{ email: 'ada@shop.example', password: 'copper kettle morning', phone: '+44 20 7946 0958' },
  'ChangeRole.role': 'seller',
  'EraseUser.reason': 'Asked by letter of May 3.',
  ...{ current_password: 'copper kettle morning', new_password: NEXT_PASSWORD },
  ...{ access_token: 'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhZGEifQ.c2lnbmF0dXJl', expires_in: 900 },
  challenge: 'eyJ0eXAiOiJsb2dpbitqd3QifQ.eyJzdWIiOiJhZGEifQ.c2lnbmF0dXJl',
  pass: 'eyJ0eXAiOiJleHBvcnQrand0In0.eyJzdWIiOiJhZGEifQ.c2lnbmF0dXJl',
  former_email: 'ada@shop.example',
  ...{ 'ExportedReview.rating': 4, 'ExportedReview.answer': 'Thank you, Ada.', 'ExportedChange.name': 'Ada Byron' },
  ...{ 'ExportedChange.address': '12 St James’s Square, London', 'ExportedSession.address': '203.0.113.7' },
  ...{ code: '492039', token: `${ADA}.q6mE2YwVQ0V4nUo1N0g3kQb8c5S2dXyZtR7uJvLhPfA` },
  ...{ 'SecondFactorOffer.secret': 'JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP', recovery_codes: ['7KQM-ZB2X-LD4N-WT6R'] },
  otpauth_url: 'otpauth://totp/Cartulary:ada%40shop.example?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP&issuer=Cartulary',
  ...{ 'AskEmailChange.email': 'ada.byron@shop.example', recovery_codes_left: 9 },
  refresh_token: 'rt1.0197f2e46c1b7c3e9b1a0a1b2c3d4e0b.c2VjcmV0LXRleHQ',
  name: 'Goose quill',
  ...{ 'User.name': 'Ada Byron', 'RegisterUser.name': 'Ada Byron', 'UpdateProfile.name': 'Ada Lovelace' },
  ...{ username: 'ada', first_name: 'Ada', last_name: 'Byron', full_name: 'Ada Byron' },
  ...{ 'Session.address': '203.0.113.7', user_agent: 'Mozilla/5.0', current: true, user_id: ADA },
  ...{ 'UpdateProfile.last_name': 'Lovelace', 'UpdateProfile.full_name': 'Ada Lovelace' },
  ...{ 'User.address': '12 St James’s Square, London', 'UpdateProfile.address': '12 St James’s Square, London' },
  ...{ 'Store.name': 'Sid’s stationery', 'OpenStore.name': 'Sid’s stationery', 'UpdateStore.name': 'Sid & Sons' },
  'Product.store.name': 'Sid’s stationery',
  'Product.store.id': STORE,
  ...{ 'Category.name': 'Stationery', 'CreateCategory.name': 'Stationery', 'RenameCategory.name': 'Writing' },
  description: 'Cut by hand, for right-handed writers.',
  ...{
    'Store.description': 'Since 1815.',
    'OpenStore.description': 'Since 1815.',
    'UpdateStore.description': 'Since 1815.',
  },
  ...{ sku: 'QUILL-1', price: 19.9, currency: 'USD', quantity: 2, subtotal: 39.8, total: 39.8 },
  ...{ 'ListProduct.price': '19.90', 'UpdateProduct.price': '21.50', min_price: '5.00', max_price: '50.00' },
  ...{
    available: 23,
    reserved: 2,
    'Stock.total': 25,
    'Inventory.total': 25,
    change: 5,
    reason: 'counted again',
    search: 'quill',
  },
  ...{ image_url: `/images/${IMAGE}-large.webp`, logo_url: `/images/${IMAGE}-large.webp` },
  ...{ 'Image.url': `/images/${IMAGE}-large.webp`, 'Image.width': 1_600, 'Image.height': 1_200 },
  ...{ cancel_reason: null, decline_reason: null, notes: 'Ring twice.' },
  ...{
    'CancelOrder.reason': 'Ordered twice.',
    'RefundPayment.reason': 'Arrived late.',
    'RefundPayment.amount': '5.00',
  },
  ...{ shipping_address: '12 St James’s Square, London', billing_address: '12 St James’s Square, London' },
  'PlaceOrder.billing_address': {
    ...{ name: 'Ada Byron', line1: '12 St James’s Square', city: 'London', postal_code: 'SW1Y 4LE', country: 'UK' },
  },
  ...{ method: 'sandbox', payment_method: 'sandbox', amount: 39.8, attempt: 1, captured: 39.8 },
  ...{ refunded: 0, refund_requested: 0, 'Payment.status': 'captured', 'Order.payment.status': 'captured' },
  'Order.payment.id': PAYMENT,
  ...{ channel: 'email', kind: 'order_paid', subject: 'Your order is paid', to: 'ada@shop.example' },
  ...{ text: 'Hello Ada, your order is paid.', 'Notification.status': 'sent' },
  ...{ revision: 0, position: '42', 'HistoryEntry.revision': '0', 'StockMovement.revision': '0', type: 'OrderPlaced' },
  ...{ 'StockMovement.type': 'StockReceived', command: 'PlaceOrder', because: 'OrderPlaced' },
  ...{
    field: 'status',
    before: 'pending',
    after: 'paid',

    'ListStockHistory.after': 0,
    'GetOrderHistory.after': 0,
    threshold: 10,
  },
  message: 'done',
  ...{ 'ListOrders.to': '2026-04-01T00:00:00Z', 'ListSellerOrders.to': '2026-04-01T00:00:00Z' },
  ...{ projection: 'orders', 'Projection.name': 'orders', head: '42', lag: 0, parked: 0, last_error: null },
  ...{ 'Rebuild.status': 'done', progress: 1, done: '42', 'Rebuild.total': '42', events: 42, rows: 7, differences: 0 },
  ...{ 'DeadLetter.id': DEAD_LETTER, 'DeadLetterDetail.id': DEAD_LETTER },
  ...{ error: null, consumer: 'projection:orders', attempts: 1, stream: `order-${ORDER}`, act: 'retry', note: null },
  ...{ 'DeadLetter.error': 'column orders.total is bigint and cannot hold nothing at all' },
  ...{ 'DeadLetterDetail.error': 'column orders.total is bigint and cannot hold nothing at all' },
  ...{
    'DeadLetter.revision': '0',
    'DeadLetterDetail.revision': '0',
    'Dashboard.from': '2026-03-01',
    time_zone: 'Europe/Berlin',
  },
  ...{
    'Dashboard.to': '2026-03-01',
    'GetDashboard.from': '2026-03-01',
    'GetDashboard.to': '2026-03-01',
    date: '2026-03-01',
  },
  ...{ net: 39.8, orders_captured: 1, average_order_value: 39.8, 'RefundTotal.count': 1, 'RefundTotal.amount': 5 },
  ...Object.fromEntries(
    ['pending', 'paid', 'processing', 'shipping', 'shipped', 'completed', 'cancelled'].map((status) => [
      `Dashboard.orders_by_status.${status}`,
      status === 'paid' ? 1 : 0,
    ]),
  ),
  ...{ units: 2, new_users: 1, carts: 1, orders_from_carts: 1, 'Conversion.orders': 1 },
  ...{ cart_to_order: 1, order_to_captured: 1, cart_to_captured: 1, 'StockAlert.available': 3, 'StockAlerts.total': 1 },
  ...{
    'LogEvent.revision': '0',
    'LogEvent.data': { productId: PRODUCT, quantity: 2 },
    'LogEvent.type': 'CartItemAdded',
  },
  ...{ 'LogEvent.stream': `cart-${ADA}`, 'LogEvent.command': 'AddCartItem', 'ListEvents.order': 'newest' },
  'ListEvents.to': '2100-01-01T00:00:00Z',
  cursor: 'Y3Vyc29yIG9mIHRoZSBuZXh0IHBhZ2U',
};

/** The ids, the secret and the instant of the examples: in place of them, a test sends those of its own shop. */
export const PLACEHOLDERS = {
  ...{
    user: ADA,
    seller: SID,
    store: STORE,
    category: CATEGORY,
    product: PRODUCT,
    order: ORDER,
    payment: PAYMENT,
    review: REVIEW,
    deadLetter: DEAD_LETTER,
  },
  refreshToken: VALUES['refresh_token'] as string,
  exportPass: VALUES['pass'] as string,
  instant: '2026-03-01T12:00:00.000Z',
} as const;

const FORMATS: Readonly<Record<string, unknown>> = { uuid: id(11), 'date-time': PLACEHOLDERS.instant };

const valueOf = (path: readonly string[]): { value: unknown } | undefined => {
  for (let from = 0; from < path.length; from += 1) {
    const name = path.slice(from).join('.');
    if (Object.hasOwn(VALUES, name)) return { value: VALUES[name] };
  }
  return undefined;
};

/** Values for a field that has none of its own: another domain's contracts may have such fields. */
const ANY: Readonly<Record<string, (schema: Schema) => unknown>> = {
  boolean: () => true,
  null: () => null,
  integer: ({ minimum }) => minimum ?? 1,
  number: ({ minimum }) => minimum ?? 1,
  string: ({ maxLength }) => 'text'.slice(0, Number(maxLength ?? Infinity)),
};

type Found = { readonly value: unknown } | undefined;
const found = (value: unknown): Found => (value === undefined ? undefined : { value });

/** The example of a value without parts. */
const scalarOf = ({ const: fixed, default: fallback, enum: choices, format = '' }: Schema): Found =>
  found(fixed) ?? found(fallback) ?? found(choices?.[0]) ?? found(FORMATS[format]);

const isNull = ({ type }: Schema): boolean => type === 'null';

type OnMissing = (path: string) => void;

/** The example of a text, a number or another value without parts that no table knows. */
function madeUp({ type = '', ...schema }: Schema, path: readonly string[], onMissing?: OnMissing): unknown {
  if (type !== 'boolean' && type !== 'null') onMissing?.(path.join('.'));
  return ANY[type]?.(schema) ?? null;
}

/**
 * A value that the schema accepts. `path` is the name of the schema, then the fields on the way to this value. `onMissing` is
 * called with the path of a field whose example is made up.
 */
export function exampleOf(schema: Schema, path: readonly string[], onMissing?: OnMissing): unknown {
  const { title, properties, items, anyOf } = schema;
  const here = title === undefined ? path : [title];
  const known = path.length > 1 ? valueOf(path) : undefined;
  if (known !== undefined) return known.value;
  if (properties !== undefined) {
    const parts = Object.entries(properties);
    return Object.fromEntries(parts.map(([name, one]) => [name, exampleOf(one, [...here, name], onMissing)]));
  }
  if (items !== undefined) return [exampleOf(items, path, onMissing)];
  if (anyOf !== undefined) return exampleOf(anyOf.find((one) => !isNull(one)) ?? anyOf[0]!, path, onMissing);
  const scalar = scalarOf(schema);
  return scalar === undefined ? madeUp(schema, path, onMissing) : scalar.value;
}
