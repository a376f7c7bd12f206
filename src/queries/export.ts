import { type Static, type TObject, Type } from 'typebox';
import {
  sealedInEvent,
  sealedInNotification,
  sealedInOrder,
  sealedInReview,
  sealedInSession,
  sealedInUser,
} from '../aggregates/sealed.ts';
import { userDecider } from '../aggregates/user.ts';
import { signInEpoch } from '../aggregates/userLinks.ts';
import { pagesOf } from '../engine/decide/answer.ts';
import { missing, Refusal } from '../errors.ts';
import { type RecordedEvent, streamOf } from '../eventstore/eventStore.ts';
import type { OrderRow } from '../projections/orders.ts';
import type { PaymentRow } from '../projections/payments.ts';
import type { ReviewRow } from '../projections/reviews.ts';
import type { SessionRow } from '../projections/sessions.ts';
import type { StoreRow } from '../projections/stores.ts';
import type { UserRow } from '../projections/users.ts';
import { Fields, Id, Instant, Named, Nullable } from '../schema.ts';
import { cartOf, CartView } from './cart.ts';
import { defineQuery, type QueryContext } from './contract.ts';
import { NOTIFICATION_COLUMNS, type NotificationRow, notificationView, NotificationView } from './notification.ts';
import { orderView, OrderView } from './order.ts';
import { paymentView, PaymentView } from './payment.ts';
import { type FoundProduct, PRODUCT_COLUMNS, PRODUCTS, ProductView, view as productView } from './product.ts';
import { RatingField } from './review.ts';
import { storeView, StoreView } from './store.ts';
import { userView, UserView } from './user.ts';
import { KEPT } from './visible.ts';

/** Rows that are read and opened in one go. */
const PAGE_ROWS = 100;
const PASS_LENGTH_MAX = 2_048;
const NIL = '00000000-0000-0000-0000-000000000000';

const optional = <T extends Parameters<typeof Type.Optional>[0]>(schema: T) => Type.Optional(schema);

/** A registration or a change of personal data, with the fields that it set. */
const ChangeView = Named('ExportedChange', {
  at: Instant,
  email: optional(Type.String()),
  former_email: optional(Type.String()),
  name: optional(Type.String()),
  phone: optional(Nullable(Type.String())),
  address: optional(Nullable(Type.String())),
});

const OwnReviewView = Named('ExportedReview', {
  id: Id,
  product_id: Id,
  rating: RatingField,
  comment: Nullable(Type.String()),
  answer: Nullable(Type.String()),
  created_at: Instant,
  updated_at: Instant,
});

const PastSessionView = Named('ExportedSession', {
  id: Id,
  created_at: Instant,
  last_used_at: Instant,
  expires_at: Instant,
  address: Nullable(Type.String()),
  user_agent: Nullable(Type.String()),
});

/** All that an export holds. A field that is not named here, or in the view that is named here, is in no export. */
const ExportView = Named('Export', {
  exported_at: Instant,
  profile: UserView,
  changes: Type.Array(ChangeView),
  sessions: Type.Array(PastSessionView),
  cart: CartView,
  orders: Type.Array(OrderView),
  payments: Type.Array(PaymentView),
  reviews: Type.Array(OwnReviewView),
  notifications: Type.Array(NotificationView),
  store: Nullable(StoreView as TObject),
  products: Type.Array(ProductView),
});

interface Section {
  readonly columns: string;
  readonly from: string;
  /** `$1` is the id of the user. */
  readonly where: string;
  readonly id?: string;
}

/** All rows of a section, oldest first. They are read and opened page by page; `open` makes what is exported of a page. */
async function all<R extends { readonly id: string }, V extends { readonly created_at: string }>(
  { actor, db }: QueryContext,
  { columns, from, where, id = 'id' }: Section,
  open: (rows: readonly R[]) => Promise<V[]> | V[],
): Promise<V[]> {
  const sql = `SELECT ${columns} FROM ${from} WHERE ${where} AND ${id} > $2 ORDER BY ${id} LIMIT ${PAGE_ROWS}`;
  const views: V[] = [];
  for (let after = NIL; ;) {
    const rows = await db.rows<R>(sql, [actor.id, after]);
    views.push(...(await open(rows)));
    if (rows.length < PAGE_ROWS) break;
    after = rows.at(-1)!.id;
  }
  return views.sort((a, b) => (a.created_at < b.created_at ? -1 : a.created_at > b.created_at ? 1 : 0));
}

const TEXTS: Readonly<Record<string, Readonly<Record<string, keyof Static<typeof ChangeView>>>>> = {
  UserRegistered: { email: 'email', name: 'name', phone: 'phone' },
  ProfileUpdated: { name: 'name', phone: 'phone', address: 'address' },
  EmailChanged: { email: 'email', formerEmail: 'former_email' },
};

/** What a person's event says of their personal data, named one by one; undefined when it says nothing. `data` is open. */
export function changeView(
  { type, at }: { readonly type: string; readonly at: string },
  data: Readonly<Record<string, unknown>>,
): Static<typeof ChangeView> | undefined {
  const named = Object.hasOwn(TEXTS, type) ? TEXTS[type] : undefined;
  if (named === undefined) return undefined;
  const said = Object.entries(named).filter(([field]) => data[field] !== undefined);
  return { at, ...Object.fromEntries(said.map(([field, name]) => [name, data[field]])) };
}

async function changesOf({ actor: { id }, store, services }: QueryContext): Promise<Static<typeof ChangeView>[]> {
  const changes: Static<typeof ChangeView>[] = [];
  for await (const page of pagesOf(store, streamOf(userDecider.category, id))) {
    const told = page.filter(({ type }) => Object.hasOwn(TEXTS, type));
    const opened = await services.personalData.revealAll(
      told.map(({ data }) => data),
      (_data, index) => sealedInEvent(told[index]!, id),
    );
    told.forEach((event: RecordedEvent, index) => {
      const change = changeView({ type: event.type, at: event.metadata.occurredAt }, { ...opened[index] });
      if (change !== undefined) changes.push(change);
    });
  }
  return changes;
}

const sessionsOf = (context: QueryContext): Promise<Static<typeof PastSessionView>[]> =>
  all<SessionRow, Static<typeof PastSessionView>>(
    context,
    { columns: '*', from: 'sessions', where: 'user_id = $1' },
    async (rows) =>
      (await context.services.personalData.revealAll(rows, sealedInSession)).map((row) => ({
        ...{ id: row.id, created_at: row.started_at, last_used_at: row.last_used_at, expires_at: row.expires_at },
        ...{ address: row.address, user_agent: row.agent },
      })),
  );

const reviewsOf = (context: QueryContext): Promise<Static<typeof OwnReviewView>[]> =>
  all<ReviewRow, Static<typeof OwnReviewView>>(
    context,
    { columns: '*', from: 'reviews', where: 'author_id = $1' },
    async (rows) =>
      (await context.services.personalData.revealAll(rows, sealedInReview)).map((row) => ({
        ...{ id: row.id, product_id: row.product_id, rating: row.rating, comment: row.comment, answer: row.answer },
        ...{ created_at: row.created_at, updated_at: row.updated_at },
      })),
  );

/** What the person bought, wrote and was told. */
async function asBuyer(context: QueryContext) {
  const { actor, services } = context;
  const { personalData } = services;
  const orders = await all<OrderRow, OrderView>(
    context,
    { columns: '*', from: 'orders', where: 'buyer_id = $1' },
    async (rows) => (await personalData.revealAll(rows, sealedInOrder)).map(orderView),
  );
  const payments = await all<PaymentRow, PaymentView>(
    context,
    { columns: 'p.*', from: 'payments p JOIN orders o ON o.id = p.order_id', where: 'o.buyer_id = $1', id: 'p.id' },
    (rows) => rows.map(paymentView),
  );
  const notifications = await all<NotificationRow, NotificationView>(
    context,
    { columns: NOTIFICATION_COLUMNS, from: 'notifications', where: 'user_id = $1' },
    async (rows) =>
      (await personalData.revealAll(rows, ({ id }) => sealedInNotification(id, actor.id))).map(notificationView),
  );
  const { data: cart } = await cartOf(context);
  return { cart, orders, payments, reviews: await reviewsOf(context), notifications };
}

async function asSeller(context: QueryContext) {
  const [store] = await context.db.rows<StoreRow>('SELECT * FROM stores WHERE owner_id = $1', [context.actor.id]);
  const products = await all<FoundProduct, ProductView>(
    context,
    { columns: PRODUCT_COLUMNS, from: PRODUCTS, where: `p.seller_id = $1 AND ${KEPT}`, id: 'p.id' },
    (rows) => rows.map(productView),
  );
  return { store: store === undefined ? null : storeView(store), products };
}

/** Refuses a caller whose pass is missing, not theirs, over, or from before a change of the password. */
async function mustMayRead(pass: string | undefined, { actor, services }: QueryContext): Promise<void> {
  if (pass === undefined) {
    const what = 'a pass of POST /users/me/export';
    throw new Refusal('forbidden', 'ProofNeeded', `This needs ${what}, beside the access token.`);
  }
  const right = services.tokens.parsePass(pass);
  const { state } = await services.aggregates.load(userDecider, actor.id);
  const isCurrent = state.status === 'active' && right?.userId === actor.id && right.epoch === signInEpoch(state);
  if (!isCurrent) missing('ExportUnknown', 'There is no such export, or its pass has expired.');
}

const getExport = defineQuery({
  name: 'GetExport',
  summary: 'All that the shop holds about me, as JSON; it needs a pass of `POST /users/me/export`',
  tag: 'users',
  route: 'GET /users/me/export',
  access: 'user',
  query: Fields({ pass: Type.Optional(Type.String({ minLength: 1, maxLength: PASS_LENGTH_MAX })) }),
  result: ExportView,
  secret: true,
  codes: ['FORBIDDEN', 'NOT_FOUND'],
  reads: ['users', 'sessions', 'carts', 'orders', 'payments', 'reviews', 'stores', 'products'],
  async run({ query: { pass } }, context) {
    await mustMayRead(pass, context);
    const { actor, db, services } = context;
    const [row] = await db.rows<UserRow>('SELECT * FROM users WHERE id = $1', [actor.id]);
    if (row === undefined) return missing('UserUnknown', 'There is no such user.');
    const profile = await services.personalData.reveal(userView(row), sealedInUser(actor.id));
    const [changes, sessions] = [await changesOf(context), await sessionsOf(context)];
    const [bought, sold] = [await asBuyer(context), await asSeller(context)];
    return { data: { exported_at: context.now, profile, changes, sessions, ...bought, ...sold } };
  },
});

export const exportQueries = [getExport];
