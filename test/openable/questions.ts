import { must, type Json } from '../support/shop.ts';
import { ANYBODY, OPERATOR, signIn, type Question } from './asking.ts';
import { ACCOUNTS, type Life } from './life.ts';
import type { Place } from './place.ts';

/** Questions that only the tables of handlers can answer. A log that moves leaves these answers behind, as the manual says. */
export const LEFT_BEHIND = ['/notifications?per_page=100', 'dead-letters list --json'] as const;
const NOWHERE = '00000000-0000-4000-8000-000000000000';
/** How many orders are audited. The command line takes its time. */
const AUDITED_MAX = 2;

const USERS = Object.keys(ACCOUNTS);
const SELLERS = ['mary', 'sid'];
const BUYERS = ['john', 'una', 'paul'];

const by = (names: readonly string[], paths: readonly string[]): Question[] =>
  names.flatMap((as) => paths.map((ask) => ({ as, ask })));

/** The paths of all public lists and items. */
function publicPaths({ products, stores, categories }: Life): string[] {
  const lists = [
    'per_page=100',
    'per_page=2&page=2',
    'search=ink',
    'search=Ru%C3%9F',
    'search=%22goose%20quill%22',
    `category_id=${categories[2]}`,
    `category_id=${NOWHERE}`,
    'min_price=12.40&max_price=100',
    'in_stock=false',
    'in_stock=true&per_page=100',
    ...['created_at', 'price', 'name', 'popularity'].flatMap((field) => [
      `sort_by=${field}&sort_order=asc`,
      `sort_by=${field}&sort_order=desc`,
    ]),
  ];
  return [
    '/categories',
    '/products',
    ...lists.map((query) => `/products?${query}`),
    ...[...products, NOWHERE].flatMap((id) => [`/products/${id}`, `/products/${id}/related`]),
    ...[...stores, NOWHERE].flatMap((id) => [`/stores/${id}`, `/stores/${id}/products?search=wax&in_stock=true`]),
    ...stores.map((id) => `/stores/${id}/products`),
  ];
}

const OWN_PATHS = [
  '/users/me',
  '/users/profile',
  '/cart',
  '/notifications?per_page=100',
  '/payments?per_page=100',
  '/orders',
];
const BUYERS_PATHS = ['pending', 'paid', 'processing', 'shipping', 'shipped', 'completed', 'cancelled'].map(
  (status) => `/orders?status=${status}&per_page=2`,
);

const sellersPaths = ({ products }: Life): string[] => [
  '/seller/orders?per_page=100',
  '/seller/orders?status=completed',
  '/inventory/low-stock',
  '/inventory/low-stock?below=1000',
  ...products.flatMap((id) => [`/products/${id}/stock`, `/products/${id}/stock/history?limit=100`]),
];

const adminsPaths = ({ products: [quill, ink] }: Life): string[] => [
  `/products/${quill}/stock`,
  `/products/${quill}/stock/history?after=480`,
  `/products/${ink}/stock/history`,
  '/inventory/low-stock',
];

/**
 * Questions about each order and its payments: as those who may see it, and as a buyer who may not. Earlier states as its buyer
 * and as sellers.
 */
async function ordersOf(place: Place, { orders }: Life): Promise<Question[]> {
  const questions: Question[] = [];
  for (const { id, by: buyer } of orders) {
    const caller = await signIn(place, ACCOUNTS[buyer]);
    const history: Json[] = must(await caller.call('GET', `/orders/${id}/history`), 200).data;
    const payments: Json[] = must(await caller.call('GET', `/orders/${id}/payments`), 200).data;
    const moments = history.flatMap(({ revision, at }) => [`revision=${revision}`, `as_of=${at}`]);
    const stranger = BUYERS.find((name) => name !== buyer) ?? ANYBODY;
    questions.push(
      ...by([buyer, 'admin', ...SELLERS], [`/orders/${id}`, `/orders/${id}/history`]),
      ...by([buyer, 'admin'], [`/orders/${id}/payments`, ...payments.map((payment) => `/payments/${payment.id}`)]),
      ...by([stranger], [`/orders/${id}`, `/payments/${payments[0].id}`]),
      ...by(
        [buyer],
        [...new Set(moments)].map((moment) => `/orders/${id}?${moment}`),
      ),
      ...by(SELLERS, [`/orders/${id}?revision=0`]),
    );
  }
  return questions;
}

/** All questions about a kept shop. */
export async function questionsAbout(place: Place, life: Life): Promise<Question[]> {
  const audits = life.orders.slice(0, AUDITED_MAX).map(({ id }) => `audit order ${id} --json`);
  return [
    ...by([ANYBODY], publicPaths(life)),
    ...by([ANYBODY, 'john'], ['/users/me', `/orders/${NOWHERE}`, '/seller/orders', '/products?sort_by=weight']),
    ...by(USERS, OWN_PATHS),
    ...by(BUYERS, BUYERS_PATHS),
    ...by(SELLERS, sellersPaths(life)),
    ...by(['admin'], adminsPaths(life)),
    ...(await ordersOf(place, life)),
    ...by([OPERATOR], [...audits, 'dead-letters list --json']),
  ];
}

/** The GET routes of the shop's OpenAPI document that no question is about. */
export async function routesBeside(place: Place, questions: readonly Question[]): Promise<string[]> {
  const base = '/api/v1';
  const response = await fetch(`${place.url()}/openapi.json`);
  const { paths } = (await response.json()) as { paths: Record<string, Json> };
  const asked = questions.map(({ ask }) => `${base}${ask.split('?')[0] ?? ''}`);
  return Object.keys(paths).filter((route) => {
    if (!route.startsWith(base) || paths[route].get === undefined) return false;
    const pattern = new RegExp(`^${route.replace(/\{\w+\}/g, '[^/]+')}$`);
    return !asked.some((one) => pattern.test(one));
  });
}
