import { Type } from 'typebox';
import { cartDecider } from '../aggregates/cart.ts';
import { orderDecider } from '../aggregates/order.ts';
import { placeAboutUser, type Sealed, sealedInUser } from '../aggregates/sealed.ts';
import { type ActiveUser, userDecider, type UserState } from '../aggregates/user.ts';
import { checkOnce } from '../engine/decide/answer.ts';
import type { Answer } from '../engine/decide/command.ts';
import type { Outcome } from '../engine/decide/context.ts';
import { invalid, isRefusal, missing, reject, unauthenticated } from '../errors.ts';
import { streamOf } from '../eventstore/eventStore.ts';
import { failpoint } from '../platform/failpoint.ts';
import { Code, Fields, Id, Line, Message, Password } from '../schema.ts';
import { takeAdmin } from './admins.ts';
import { activeUser } from './auth.ts';
import { type CommandContext, defineCommand } from './contract.ts';
import { storeMustRest } from './role.ts';
import { passIfOn } from './secondFactorProof.ts';
import { undoCheckout } from './undoCheckout.ts';

const REASON_LENGTH_MAX = 500;
/** Orders that a refusal names, at most. */
const ORDERS_NAMED_MAX = 5;
/** Looks for trade that is still open, at most. Each finds what was begun before the key was destroyed. */
const LOOKS_MAX = 20;
/** Parts of a name that are shorter than this may be in a reason by chance. */
const WORD_LENGTH_MIN = 3;

/** Orders that are paid and not completed are between buyer and seller: without an address they could not be delivered. */
async function ordersMustRest(context: CommandContext, userId: string): Promise<void> {
  const { orders } = await context.services.hints.openTradeOf(userId);
  const due = orders.filter(({ status }) => status !== 'pending').map(({ id }) => id);
  if (due.length === 0) return;
  const named = due.slice(0, ORDERS_NAMED_MAX).join(', ');
  const more = due.length > ORDERS_NAMED_MAX ? ` and ${due.length - ORDERS_NAMED_MAX} more` : '';
  const sentence = `Orders that are paid and not completed: ${named}${more}.`;
  reject('OrdersOpen', `${sentence} Have them completed, or cancelled and refunded, first.`);
}

/** The reasons against an erasure, read from the log and from read models at its head. */
async function mustRest(context: CommandContext, userId: string, { storeId }: ActiveUser): Promise<void> {
  const { hints } = context.services;
  if (storeId !== null) {
    await storeMustRest(context, storeId);
    const sold = await hints.openOrdersOfStore(storeId);
    if (sold.length > 0) reject('StoreAtWork', `The store of this seller has orders to complete: ${sold.join(', ')}.`);
  }
  await ordersMustRest(context, userId);
}

/** Records the erasure, then destroys the key and purges what is kept. A handler does so again, should this process stop. */
async function eraseUser(context: CommandContext, userId: string, reason: Sealed | null): Promise<Answer> {
  const stream = streamOf(userDecider.category, userId);
  const erase = (): Promise<Outcome> =>
    context.handle(userDecider, userId, { type: 'EraseUser', data: { reason } }, { pinned: true });
  const { state } = await context.load(userDecider, userId);
  if (state.status === 'active') {
    await checkOnce(context, { stream }, () => mustRest(context, userId, state));
    await (state.role === 'admin' ? takeAdmin(context, userId, erase) : erase());
  } else await erase();
  failpoint('erasure:recorded');
  await context.services.erasures.forget(userId);
  return { data: { message: 'account erased' } };
}

const eraseMe = defineCommand({
  name: 'EraseMe',
  summary: 'Erase my account and my personal data for good; orders stay, without them',
  tag: 'users',
  route: 'DELETE /users/me',
  aliases: ['DELETE /users/profile'],
  access: 'user',
  limit: 'login',
  security: 'erasure of an account',
  body: Fields({ password: Password, code: Type.Optional(Code) }),
  result: Message,
  codes: ['CONFLICT', 'FORBIDDEN', 'NOT_FOUND'],
  revokes: true,
  async run({ body: { password, code } }, context) {
    const { passwords, personalData } = context.services;
    const userId = context.actor.id;
    const user = await activeUser(context, userId);
    const { passwordHash } = await personalData.reveal(user, sealedInUser(userId));
    const right = await passwords.verify(password, passwordHash);
    if (!right) unauthenticated('WrongCredentials', 'The password is wrong.');
    await passIfOn(context, userId, { user, code });
    return eraseUser(context, userId, null);
  },
});

/** The reason stays in the log, sealed for the admin. So it must not say who was erased. */
async function mustNotName(context: CommandContext, reason: string, { id, user }: { id: string; user: ActiveUser }) {
  const { email, name, phone } = await context.services.personalData.reveal(user, sealedInUser(id));
  const words = name.split(/\s+/).filter((word) => word.length >= WORD_LENGTH_MIN);
  const said = reason.normalize('NFKC').toLowerCase();
  const digits = said.replace(/\D/g, '');
  const names = [email, name, ...words].some((text) => said.includes(text.normalize('NFKC').toLowerCase()));
  if (names || (phone !== null && digits.includes(phone.replace(/\D/g, '')))) {
    invalid('reason', 'must not have the name, e-mail address or phone number of the erased person, because it stays');
  }
}

async function sealedReason(
  context: CommandContext,
  { id, state }: { readonly id: string; readonly state: UserState },
  reason: string | undefined,
): Promise<Sealed | null> {
  if (reason === undefined) return null;
  if (state.status === 'active') await mustNotName(context, reason, { id, user: state });
  const place = placeAboutUser(id, context.actor.id, 'UserErased.reason');
  return context.services.personalData.seal(place, reason.trim());
}

const eraseOther = defineCommand({
  name: 'EraseUser',
  summary: 'Erase a user and their personal data for good; orders stay, without them',
  tag: 'users',
  route: 'DELETE /admin/users/:id',
  access: ['admin'],
  security: 'erasure of a user',
  tells: ({ params: { id } }) => ({ target: id }),
  params: Fields({ id: Id }),
  body: Fields({ reason: Type.Optional(Line(REASON_LENGTH_MAX)) }),
  result: Message,
  codes: ['CONFLICT', 'NOT_FOUND'],
  revokes: true,
  async run({ params: { id }, body }, context) {
    const { state } = await context.load(userDecider, id);
    if (state.status === 'none' || state.status === 'abandoned') missing('UserUnknown', 'There is no such user.');
    return eraseUser(context, id, await sealedReason(context, { id, state }, body.reason));
  },
});

/**
 * Ends what an erased buyer had begun: checkouts, unpaid orders, the cart. An order that was paid after the erasure had looked for it
 * is cancelled and refunded: nobody could deliver it. Call it when no process holds the buyer's key any more, so that no checkout
 * that it does not see can still place an order.
 */
export async function closeTrade(context: CommandContext, buyerId: string): Promise<void> {
  for (let look = 1; look <= LOOKS_MAX; look += 1) {
    const { orders, checkouts } = await context.services.hints.openTradeOf(buyerId);
    const open = orders.filter(({ status }) => ['pending', 'paid', 'processing'].includes(status));
    if (open.length === 0 && checkouts.length === 0) return clearCart(context, buyerId);
    for (const checkout of checkouts) {
      const step = (name: string): string => `${name} of ${checkout.orderId} at look ${look}`;
      await undoCheckout(context, { ...checkout, buyerId, reason: 'erased', step });
    }
    for (const { id } of open) await cancelOrder(context, id, look);
  }
  throw new Error(`the trade of ${buyerId} goes on after the erasure`);
}

async function cancelOrder(context: CommandContext, id: string, look: number): Promise<void> {
  const refundId = context.derive(`refund of ${id}`);
  const data = { reason: 'the account of the buyer was erased', by: 'system', refundId } as const;
  const intent = { type: 'CancelOrder', data } as const;
  try {
    await context.handle(orderDecider, id, intent, { step: `cancel ${id} at look ${look}`, provisional: true });
  } catch (error) {
    // It is on its way to the buyer already.
    if (!isRefusal(error) || error.rule !== 'OrderShipping') throw error;
  }
}

async function clearCart(context: CommandContext, buyerId: string): Promise<void> {
  const { state } = await context.load(cartDecider, buyerId);
  if (state.items.length === 0) return;
  const step = { step: 'clear the cart', provisional: true };
  await context.handle(cartDecider, buyerId, { type: 'ClearCart', data: {} }, step);
}

export const erasureCommands = [eraseMe, eraseOther];
