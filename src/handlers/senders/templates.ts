import { decimalsOf, toMajor } from '../../aggregates/money.ts';
import type { LinkPurpose } from '../../aggregates/userLinks.ts';
import type { OrderLine } from '../../aggregates/order.ts';

/** A message to one person. The subject is stored unsealed, so it must not contain personal data. */
export interface Message {
  readonly kind: string;
  readonly subject: string;
  readonly text: string;
  /** The link in the text that lets its holder act for the person. It is not stored with the text. */
  readonly link?: string;
  /** The text message for people who gave a phone number. */
  readonly sms?: string;
}

export interface OrderFacts {
  readonly orderId: string;
  readonly lines: readonly OrderLine[];
  readonly total: number;
  readonly currency: string;
}

export interface LowStock {
  readonly productId: string;
  readonly name: string;
  readonly available: number;
}

export interface Cancellation {
  readonly reason: string;
  readonly givenBack: boolean;
}

const SUBJECT_CHARACTERS_MAX = 150;
const CONTROLS = /[\p{Cc}\s]+/gu;

/** One line of plain text, so that text typed by a seller or buyer cannot break a header or fake a line. */
export const oneLine = (text: string): string => text.replace(CONTROLS, ' ').trim();
/** A dot within a word, or the beginning of an address, is what mail programs make a link of. */
const LINKS: readonly (readonly [RegExp, string])[] = [
  [/:\/\//g, ': //'],
  [/(\S)\.(?=\p{L}{2})/gu, '$1. '],
];

/**
 * Text that a person typed, as one line that no mail program makes a link of. The shop verifies no address: somebody who registers the
 * address of another person can send them what they type into an order.
 */
export const typed = (text: string): string =>
  LINKS.reduce((line, [pattern, apart]) => line.replace(pattern, apart), oneLine(text));

export const subjectLine = (text: string): string => oneLine(text).slice(0, SUBJECT_CHARACTERS_MAX);

export function formatMoney(minor: number, currency: string): string {
  const decimals = decimalsOf(currency);
  return new Intl.NumberFormat('en', {
    style: 'currency',
    currency,
    currencyDisplay: 'code',
    minimumFractionDigits: decimals,
    maximumFractionDigits: decimals,
  })
    .format(toMajor(minor, currency))
    .replaceAll('\u00a0', ' ');
}

/** A short order number: the last 8 digits of the id, as people quote them. */
export const orderNumber = (orderId: string): string => `#${orderId.replaceAll('-', '').slice(-8).toUpperCase()}`;

/** A letter greets nobody by name, because somebody else may have typed the name with this address. */
const letter = (...paragraphs: readonly string[]): string => ['Hello,', ...paragraphs, 'Your shop'].join('\n\n') + '\n';

const linesOf = ({ lines, currency }: OrderFacts): string =>
  lines
    .map(({ name, price, quantity }) => `  ${quantity} × ${typed(name)}: ${formatMoney(price * quantity, currency)}`)
    .join('\n');

const bill = (order: OrderFacts): string => `${linesOf(order)}\n  Total: ${formatMoney(order.total, order.currency)}`;
const reference = ({ orderId }: OrderFacts): string => `The order's full number is ${orderId}.`;

const LINK_TEXTS: Readonly<Record<LinkPurpose, Pick<Message, 'kind' | 'subject'> & { readonly asks: string }>> = {
  verification: {
    ...{ kind: 'verification of address', subject: 'Verify your e-mail address' },
    asks: 'Open this link to verify that this e-mail address is yours:',
  },
  'password reset': {
    ...{ kind: 'password reset', subject: 'Set a new password' },
    asks: 'Somebody asked for a new password of your account. Open this link to set one:',
  },
  'email change': {
    ...{ kind: 'change of address', subject: 'Confirm your new e-mail address' },
    asks: 'Somebody asked to use this e-mail address for their account. Open this link to confirm it:',
  },
};

export const templates = {
  link: (purpose: LinkPurpose, link: string): Message => {
    const { kind, subject, asks } = LINK_TEXTS[purpose];
    const ends = 'The link serves once, for thirty minutes. If you did not ask for it, you need do nothing.';
    return { kind, subject, link, text: letter(asks, link, ends) };
  },
  emailChanged: (): Message => ({
    kind: 'address changed',
    subject: 'Your e-mail address was changed',
    text: letter(
      'The e-mail address of your account was changed. Mails of the shop now go to the new address.',
      'If you did not change it, write to the shop at once.',
    ),
  }),
  welcome: (): Message => ({
    kind: 'welcome',
    subject: 'Welcome',
    text: letter('Your account is ready. Good to have you.'),
  }),
  stockLow: ({ productId, name, available }: LowStock): Message => ({
    kind: 'stock low',
    subject: 'Little is left of a product of yours',
    text: letter(
      `Of "${typed(name)}", ${available} can still be sold, and no more.`,
      `The product's full number is ${productId}.`,
    ),
  }),
  orderPlaced: (order: OrderFacts): Message => ({
    kind: 'order placed',
    subject: subjectLine(`We have your order ${orderNumber(order.orderId)}`),
    text: letter('Thank you for your order:', bill(order), reference(order)),
  }),
  orderPaid: (order: OrderFacts, amount: number): Message => ({
    kind: 'order paid',
    subject: subjectLine(`Order ${orderNumber(order.orderId)} is paid`),
    text: letter(`We have received ${formatMoney(amount, order.currency)}.`, bill(order), reference(order)),
  }),
  paymentDeclined: (order: OrderFacts, reason: string): Message => ({
    kind: 'payment declined',
    subject: subjectLine(`The payment of order ${orderNumber(order.orderId)} was declined`),
    text: letter(
      `Your payment of ${formatMoney(order.total, order.currency)} was declined: ${typed(reason)}`,
      'You may pay again, also in another way, until the order is cancelled for want of payment.',
      reference(order),
    ),
  }),
  orderCancelled: (order: OrderFacts, { reason, givenBack }: Cancellation): Message => ({
    kind: 'order cancelled',
    subject: subjectLine(`Order ${orderNumber(order.orderId)} was cancelled`),
    text: letter(
      `Your order was cancelled: ${typed(reason)}`,
      linesOf(order),
      ...(givenBack ? ['What you have paid is given back.'] : []),
      reference(order),
    ),
  }),
  linesCancelled: (order: OrderFacts, { reason, givenBack }: Cancellation): Message => ({
    kind: 'lines cancelled',
    subject: subjectLine(`A part of order ${orderNumber(order.orderId)} was cancelled`),
    text: letter(
      `These items of your order were cancelled: ${typed(reason)}`,
      linesOf(order),
      ...(givenBack ? ['What you have paid for them is given back.'] : []),
      reference(order),
    ),
  }),
  orderShipped: (order: OrderFacts): Message => ({
    kind: 'order shipped',
    subject: subjectLine(`Order ${orderNumber(order.orderId)} is on its way`),
    text: letter('On its way to you:', linesOf(order), reference(order)),
    sms: `Order ${orderNumber(order.orderId)} is on its way.`,
  }),
  orderCompleted: (order: OrderFacts): Message => ({
    kind: 'order completed',
    subject: subjectLine(`Order ${orderNumber(order.orderId)} is complete`),
    text: letter('Everything has arrived:', linesOf(order), reference(order)),
  }),
} as const;
