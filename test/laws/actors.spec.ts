import { expect } from 'chai';
import { commands } from '../../src/commands/index.ts';
import { queries } from '../../src/queries/index.ts';
import { type Caller, must, PASSWORD, request, serving, type Served } from '../support/shop.ts';

type Actor = 'nobody' | 'a buyer' | 'a seller' | 'an admin' | 'a deactivated account' | 'an erased account';
type Line = Readonly<Record<Actor, number>>;

/** A token of an account that is gone is refused everywhere, also where none is needed. */
const line = (nobody: number, buyer: number, seller: number, admin: number): Line => ({
  ...{ nobody, 'a buyer': buyer, 'a seller': seller, 'an admin': admin },
  ...{ 'a deactivated account': 401, 'an erased account': 401 },
});
const same = (status: number): Line => ({ ...line(status, status, status, status) });

// `…Form`: the caller is let in, and what is refused is the body, which every request of this table leaves out.
const anybody = same(200);
const anybodyForm = same(400);
const user = line(401, 200, 200, 200);
const userForm = line(401, 400, 400, 400);
/** Signed in, and still refused: the password or a code of the second factor is needed too. */
const proof = line(401, 403, 403, 403);
const buyer = line(401, 200, 403, 403);
const buyerForm = line(401, 400, 403, 403);
const seller = line(401, 403, 200, 403);
const sellerForm = line(401, 403, 400, 403);
const traderForm = line(401, 400, 400, 403);
const admin = line(401, 403, 403, 200);
const adminForm = line(401, 403, 403, 400);

/** Every route without an id in its path, by its callers. Routes with an id, and their owners, are in `access.spec.ts`. */
const ROUTES: Readonly<Record<string, Line>> = {
  'POST /auth/register': anybodyForm,
  'POST /auth/login': anybodyForm,
  'POST /auth/refresh': anybodyForm,
  'POST /auth/logout': anybodyForm,
  'PUT /users/me': user,
  'PUT /users/me/password': userForm,
  'POST /auth/verify-email/request': anybodyForm,
  'POST /auth/password-reset/request': anybodyForm,
  'POST /auth/verify-email': anybodyForm,
  'POST /auth/password-reset': anybodyForm,
  'POST /users/me/email': userForm,
  'POST /auth/email-change': anybodyForm,
  'POST /auth/login/code': anybodyForm,
  'POST /auth/second-factor': anybodyForm,
  'POST /auth/second-factor/confirm': anybodyForm,
  'POST /users/me/second-factor': proof,
  'POST /users/me/second-factor/confirm': userForm,
  'POST /users/me/second-factor/disable': proof,
  'POST /users/me/second-factor/recovery-codes': proof,
  'DELETE /users/me': userForm,
  'POST /admin/verify-credentials': adminForm,
  'POST /stores': traderForm,
  'POST /categories': adminForm,
  'POST /products': sellerForm,
  'POST /cart/items': buyerForm,
  'POST /cart': buyerForm,
  'DELETE /cart': buyer,
  'POST /orders': buyerForm,
  'POST /payments': userForm,
  'GET /users/me': user,
  'POST /users/me/export': proof,
  'GET /users/me/export': proof,
  'GET /users/me/second-factor': user,
  'GET /admin/users': admin,
  'GET /users/me/sessions': user,
  'GET /categories': anybody,
  'GET /products': anybody,
  'GET /products/popular': anybody,
  'GET /stores': anybody,
  'GET /users/me/reviews': user,
  'GET /admin/reviews': admin,
  'GET /seller/products': seller,
  'POST /inventory/check-availability': anybodyForm,
  'GET /inventory/low-stock': seller,
  'GET /cart': buyer,
  'GET /orders': user,
  'GET /seller/orders': seller,
  'GET /payments': user,
  'GET /notifications': user,
  'GET /admin/events': admin,
  'GET /admin/projections': admin,
  'GET /admin/dead-letters': admin,
  'GET /admin/dashboard': admin,
  // Last: it ends sessions.
  'DELETE /users/me/sessions': user,
};

/** The paths outside the API. They know no accounts: a token of the API is neither needed nor read. */
const PAGES: Readonly<Record<string, number>> = {
  '/health': 200,
  '/livez': 200,
  '/readyz': 200,
  // The settings of tests show metrics to everybody; `http/pages` has the others.
  '/metrics': 200,
  '/': 200,
  '/docs/': 200,
  '/openapi.json': 200,
  '/asyncapi.json': 200,
  '/images/none.webp': 404,
  '/account/reset-password': 200,
};

describe('every route without an id', function () {
  this.timeout(60_000);
  let shop: Served;
  let actors: Record<Actor, Caller | undefined>;
  serving((served) => (shop = served));

  before(async () => {
    const { people } = shop;
    const [administrator, deactivated, erased] = [await people.admin(), await people.buyer(), await people.buyer()];
    must(await administrator.call('PUT', `/admin/users/${deactivated.id}/deactivate`), 200);
    must(await erased.call('DELETE', '/users/me', { password: PASSWORD }), 200);
    actors = {
      nobody: undefined,
      'a buyer': await people.buyer(),
      'a seller': await people.seller(),
      'an admin': administrator,
      'a deactivated account': deactivated,
      'an erased account': erased,
    };
  });

  it('has a line that says what each kind of caller gets', () => {
    const declared = [...commands, ...queries].map(({ route }) => route).filter((route) => !route.includes(':'));
    const missing = declared.filter((route) => !Object.hasOwn(ROUTES, route));
    expect(missing, 'add a line for each to ROUTES in test/laws/actors.spec.ts').to.deep.equal([]);
    expect(Object.keys(ROUTES).sort()).to.deep.equal([...declared].sort());
  });

  for (const [route, expected] of Object.entries(ROUTES)) {
    it(`${route} answers ${Object.entries(expected)
      .map(([who, status]) => `${who} ${status}`)
      .join(', ')}`, async () => {
      const [method = '', path = ''] = route.split(' ');
      for (const [who, status] of Object.entries(expected) as [Actor, number][]) {
        const caller = actors[who];
        const answer = caller === undefined ? await request(shop.url, method, path) : await caller.call(method, path);
        expect(answer.status, `${who}: ${answer.text}`).to.equal(status);
      }
    });
  }

  for (const [path, status] of Object.entries(PAGES)) {
    it(`GET ${path} answers everybody ${status}`, async () => {
      for (const [who, caller] of Object.entries(actors)) {
        const response = await fetch(`${shop.url}${path}`, { headers: { ...caller?.headers } });
        expect(response.status, `${who}: ${(await response.text()).slice(0, 200)}`).to.equal(status);
      }
    });
  }
});
