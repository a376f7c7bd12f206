import type { Opening, Place, SealedField } from '../eventstore/sealing.ts';

export type { Sealed } from '../eventstore/sealing.ts';

/** A reason that the shop itself gives is plain text; one that a person typed is sealed. Events before `pd2` hold it plain. */
export type SealedOrOwn = string;

/**
 * The fields of events that hold sealed text, and since which format. `pd1`: from the first version on. `pd2`: older events hold
 * the field as plain text, which is never opened, whatever it looks like.
 */
export const SEALED_FIELDS = {
  UserRegistered: { email: 'pd1', name: 'pd1', phone: 'pd1', passwordHash: 'pd1' },
  ProfileUpdated: { name: 'pd1', phone: 'pd1', address: 'pd1' },
  PasswordChanged: { passwordHash: 'pd1' },
  PasswordRehashed: { passwordHash: 'pd1' },
  LinkRequested: { email: 'pd2' },
  EmailChanged: { email: 'pd2', formerEmail: 'pd2' },
  SecondFactorOffered: { secret: 'pd2' },
  SecondFactorEnabled: { recoveryHashes: 'pd2' },
  RecoveryCodesRenewed: { recoveryHashes: 'pd2' },
  SecondFactorDisabled: { reason: 'pd2' },
  SessionStarted: { address: 'pd2', agent: 'pd2' },
  UserDeactivated: { reason: 'pd2' },
  UserReactivated: { reason: 'pd2' },
  OrderPlaced: { shippingAddress: 'pd1', billingAddress: 'pd1', notes: 'pd1' },
  OrderCancelled: { reason: 'pd2' },
  FulfilmentCancelled: { reason: 'pd2' },
  RefundRequested: { reason: 'pd2' },
  StockAdjusted: { reason: 'pd2' },
  StoreSuspended: { reason: 'pd2' },
  StoreRestored: { reason: 'pd2' },
  RebuildRequested: { reason: 'pd2' },
  DeadLetterRetried: { reason: 'pd2' },
  DeadLetterSkipped: { reason: 'pd2' },
  UserErased: { reason: 'pd2' },
  ReviewPosted: { comment: 'pd2' },
  ReviewEdited: { comment: 'pd2' },
  ReviewHidden: { reason: 'pd2' },
  ReviewShown: { reason: 'pd2' },
  ReviewAnswered: { text: 'pd2' },
} as const satisfies Readonly<Record<string, Readonly<Record<string, 'pd1' | 'pd2'>>>>;

type Fields = typeof SEALED_FIELDS;
/** An event type with one of its sealed fields: `UserRegistered.email`. */
export type SealedName = { [Type in keyof Fields]: `${Type}.${keyof Fields[Type] & string}` }[keyof Fields];

function fieldOf(name: SealedName): SealedField {
  const [type, field] = name.split('.') as [string, string];
  const declared: Readonly<Record<string, Readonly<Record<string, string>>>> = SEALED_FIELDS;
  return { name, pd1: declared[type]?.[field] === 'pd1' };
}

const propertiesOf = (
  columns: Readonly<Record<string, readonly SealedName[]>>,
): Readonly<Record<string, readonly SealedField[]>> =>
  Object.fromEntries(Object.entries(columns).map(([column, names]) => [column, names.map(fieldOf)]));

const OF_USERS = propertiesOf({
  email: ['UserRegistered.email', 'EmailChanged.email'],
  name: ['UserRegistered.name', 'ProfileUpdated.name'],
  phone: ['UserRegistered.phone', 'ProfileUpdated.phone'],
  address: ['ProfileUpdated.address'],
  passwordHash: ['UserRegistered.passwordHash', 'PasswordChanged.passwordHash', 'PasswordRehashed.passwordHash'],
});
const OF_LINKS = propertiesOf({ email: ['LinkRequested.email'] });
const OF_FACTORS = propertiesOf({
  offered: ['SecondFactorOffered.secret'],
  secret: ['SecondFactorOffered.secret'],
  recoveryHashes: ['SecondFactorEnabled.recoveryHashes', 'RecoveryCodesRenewed.recoveryHashes'],
});
const OF_ORDERS = propertiesOf({
  shipping_address: ['OrderPlaced.shippingAddress'],
  billing_address: ['OrderPlaced.billingAddress'],
  notes: ['OrderPlaced.notes'],
  cancel_reason: ['OrderCancelled.reason', 'FulfilmentCancelled.reason'],
});
const OF_REVIEWS = propertiesOf({
  comment: ['ReviewPosted.comment', 'ReviewEdited.comment'],
  answer: ['ReviewAnswered.text'],
  hidden_because: ['ReviewHidden.reason'],
});
const OF_EVENTS: ReadonlyMap<string, Opening['properties']> = new Map(
  Object.entries(SEALED_FIELDS).map(([type, fields]) => [
    type,
    propertiesOf(Object.fromEntries(Object.keys(fields).map((field) => [field, [`${type}.${field}` as SealedName]]))),
  ]),
);

const OF_SESSIONS = propertiesOf({ address: ['SessionStarted.address'], agent: ['SessionStarted.agent'] });

const streamOfUser = (id: string): string => `user-${id}`;
const streamOfOrder = (id: string): string => `order-${id}`;

/** The place of a user's own text. */
export const placeOfUser = (userId: string, field: SealedName): Place => ({
  ...{ subject: userId, stream: streamOfUser(userId), field },
});
/** The place of a text about an order. It is sealed for the buyer, also when a seller typed it: the order is about the buyer. */
export const placeOfOrder = (order: { id: string; buyerId: string }, field: SealedName): Place => ({
  ...{ subject: order.buyerId, stream: streamOfOrder(order.id), field },
});
/** The place of a text about the stock of a product, sealed for the one who typed it. */
export const placeOfStock = (productId: string, actor: string, field: SealedName): Place => ({
  ...{ subject: actor, stream: `stock-${productId}`, field },
});

/** The place of a reason for an act on the shop itself, sealed for the administrator. */
export const placeOfAct = (actor: string, field: SealedName): Place => ({
  ...{ subject: actor, stream: 'administration-shop', field },
});
/** The place of a text about a store, sealed for its owner. */
export const placeOfStore = (store: { id: string; ownerId: string }, field: SealedName): Place => ({
  ...{ subject: store.ownerId, stream: `store-${store.id}`, field },
});
/** The place of a text about another user, sealed for the one who typed it. */
export const placeAboutUser = (userId: string, actor: string, field: SealedName): Place => ({
  ...{ subject: actor, stream: streamOfUser(userId), field },
});
/** The place of a text about a review, also of its answer: it is sealed for the author, because it is about them. */
export const placeOfReview = (review: { id: string; authorId: string }, field: SealedName): Place => ({
  ...{ subject: review.authorId, stream: `review-${review.id}`, field },
});

/** Where the state, or the row, of a user holds sealed text. */
export const sealedInUser = (id: string): Opening => ({ subject: id, stream: streamOfUser(id), properties: OF_USERS });
/** Where a mailed link of a user holds sealed text. */
export const sealedInLink = (id: string): Opening => ({ ...sealedInUser(id), properties: OF_LINKS });
/** Where a user's second factor holds sealed text. */
export const sealedInFactor = (id: string): Opening => ({ ...sealedInUser(id), properties: OF_FACTORS });
/** The place of a text about a session, sealed for its user. */
export const placeOfSession = (id: string, userId: string, field: SealedName): Place => ({
  ...{ subject: userId, stream: `session-${id}`, field },
});
/** Where the row of a session holds sealed text. */
export const sealedInSession = ({ id, user_id: userId }: { id: string; user_id: string }): Opening => ({
  ...{ subject: userId, stream: `session-${id}`, properties: OF_SESSIONS },
});
/** Where the row of an order holds sealed text. */
export const sealedInOrder = ({ id, buyer_id: buyerId }: { id: string; buyer_id: string }): Opening => ({
  ...{ subject: buyerId, stream: streamOfOrder(id), properties: OF_ORDERS },
});
/** Where a change of one field of an order's row holds sealed text: in the values before and after. */
export const sealedInChange = (field: string, order: { id: string; buyer_id: string }): Opening => {
  const fields = Object.hasOwn(OF_ORDERS, field) ? OF_ORDERS[field]! : [];
  return { ...sealedInOrder(order), properties: { before: fields, after: fields } };
};
/** Where the row of a review holds sealed text. */
export const sealedInReview = ({ id, author_id: authorId }: { id: string; author_id: string }): Opening => ({
  ...{ subject: authorId, stream: `review-${id}`, properties: OF_REVIEWS },
});
/** Where the data of an event holds sealed text of this person. */
export const sealedInEvent = ({ stream, type }: { stream: string; type: string }, subject: string): Opening => ({
  ...{ subject, stream, properties: OF_EVENTS.get(type) ?? {} },
});

const NOTIFICATION_BODY = 'Notification.body';
const OF_NOTIFICATIONS: Opening['properties'] = { body: [{ name: NOTIFICATION_BODY, pd1: true }] };

/** The place of a stored message; it is in no stream. */
export const placeOfNotification = (id: string, userId: string): Place => ({
  ...{ subject: userId, stream: `notification-${id}`, field: NOTIFICATION_BODY },
});
export const sealedInNotification = (id: string, userId: string): Opening => ({
  ...{ subject: userId, stream: `notification-${id}`, properties: OF_NOTIFICATIONS },
});
