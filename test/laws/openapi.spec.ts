import { expect } from 'chai';
import { commands } from '../../src/commands/index.ts';
import { routesOf } from '../../src/http/api/api.ts';
import { exampleOf, PLACEHOLDERS } from '../../src/http/api/examples.ts';
import { plain } from '../../src/http/api/openapiSchemas.ts';
import { queries } from '../../src/queries/index.ts';
import sharp from 'sharp';
import { upload } from '../support/pictures.ts';
import { freshDatabase, type TestDatabase } from '../support/database.ts';
import { makeDeadLetter } from '../support/deadLetter.ts';
import { eventually } from '../support/eventually.ts';
import { codeNow, keptMails } from '../support/mails.ts';
import { PASSWORD, type Answer, type Caller, type Json, must, request, serveShop } from '../support/shop.ts';

const contracts = [...commands, ...queries];
type Contract = (typeof contracts)[number];
const ANYBODY: Pick<Caller, 'headers'> = { headers: {} };
type Role = 'anybody' | 'ada' | 'seller' | 'admin';

describe('the examples of the specification', function () {
  this.timeout(120_000);
  let database: TestDatabase;
  let shop: Awaited<ReturnType<typeof serveShop>>;
  const callers: Partial<Record<Role, Pick<Caller, 'headers'>>> = { anybody: ANYBODY };
  let admin: Caller;
  const told = new Set<string>();
  /** This shop's values in place of the ids, the secret and the instant of the examples. */
  const real = new Map<string, string>();

  before(async () => {
    database = await freshDatabase();
    shop = await serveShop(database.url);
    admin = await shop.people.admin();
    callers.admin = admin;
  });
  after(async () => {
    await shop.stop();
    await database.drop();
  });

  const ours = <T>(value: T): T => {
    const text = [...real].reduce((so, [placeholder, own]) => so.replaceAll(placeholder, own), JSON.stringify(value));
    return JSON.parse(text) as T;
  };
  const contractOf = (name: string): Contract => contracts.find((one) => one.name === name)!;
  const headersOf = (who: Role): Record<string, string> => ({ ...callers[who]!.headers });

  /** A cursor belongs to one list and one account, so no example of one can be sent. */
  const searchOf = ({ cursor: _cursor, ...asked }: Record<string, string>): string =>
    `?${new URLSearchParams(asked).toString()}`;

  /** Sends the example of a route, with what is `changed` in its body, and expects that it succeeds. */
  async function send(name: string, who: Role, { id = '', changed = {} }: { id?: string; changed?: object } = {}) {
    const contract = contractOf(name);
    const [method = '', path = ''] = contract.route.split(' ');
    const body = 'body' in contract ? contract.body : undefined;
    const query = 'query' in contract ? contract.query : undefined;
    const example = (schema: object): Json => ours(exampleOf(plain(schema), [name]));
    const search = query === undefined ? '' : searchOf(example(query));
    const where = path.replace(/:(?:id|product_id|projection|sku)/, ours(id)) + search;
    const sent = body === undefined ? {} : { body: { ...example(body), ...changed } };
    const answer = must(
      await request(shop.url, method, where, { ...sent, headers: headersOf(who) }),
      'status' in contract ? (contract.status ?? 200) : 200,
    );
    told.add(name);
    return answer;
  }
  /** A file has no example: this sends a small picture. */
  async function sendPicture(name: string, path: string, field: string): Promise<void> {
    const bytes = await sharp({ create: { width: 2, height: 2, channels: 3, background: 'red' } })
      .png()
      .toBuffer();
    must(await upload({ url: shop.url, path, headers: headersOf('seller') }, { bytes, field }), 200);
    told.add(name);
  }
  const keep = (placeholder: string, { data }: Answer): string => {
    real.set(placeholder, data.id as string);
    return data.id as string;
  };
  const isCalled = (who: Role, { data }: Answer): void => {
    callers[who] = { headers: { authorization: `Bearer ${data.access_token}` } };
  };
  const paymentOf = (id: string, status: string): Promise<string> =>
    eventually(`the payment is ${status}`, async () => {
      const { data } = await request(shop.url, 'GET', `/orders/${id}/payments`, { headers: headersOf('ada') });
      return (data as Json[] | undefined)?.find((payment) => payment.status === status)?.id as string | undefined;
    });
  const {
    user,
    seller,
    store,
    category,
    product,
    order,
    payment,
    review,
    deadLetter,
    refreshToken,
    instant,
    exportPass,
  } = PLACEHOLDERS;

  it('of people and catalogues work as they stand', async () => {
    keep(user, await send('RegisterUser', 'anybody'));
    isCalled('ada', await send('LogIn', 'anybody'));
    await send('UpdateProfile', 'ada');
    await send('GetMe', 'ada');
    const sid = await shop.people.buyer();
    real.set(seller, sid.id);
    callers.seller = sid;
    keep(store, await send('OpenStore', 'seller'));
    callers.seller = await shop.people.logIn(sid.email);
    await send('ChangeRole', 'admin', { id: seller });
    await send('UpdateStore', 'seller', { id: store });
    await send('GetStore', 'anybody', { id: store });
    keep(category, await send('CreateCategory', 'admin'));
    await send('RenameCategory', 'admin', { id: category });
    await send('ListCategories', 'anybody');
    keep(product, await send('ListProduct', 'seller'));
    await send('UpdateProduct', 'seller', { id: product });
    await send('AdjustStock', 'seller', { id: product });
    await send('ChangeInventory', 'seller', { id: product });
    await send('CheckAvailability', 'anybody');
    await sendPicture('ChangeProductImage', `/products/${ours(product)}/image`, 'image');
    await send('RemoveProductImage', 'seller', { id: product });
    await sendPicture('ChangeStoreLogo', `/stores/${ours(store)}/logo`, 'logo');
    await send('RemoveStoreLogo', 'seller', { id: store });
    await send('GetProductBySku', 'anybody', { id: 'QUILL-1' });
    for (const name of ['GetProduct', 'ListProducts', 'ListRelatedProducts', 'ListPopularProducts', 'ListStores']) {
      await send(name, 'anybody', { id: product });
    }
    await send('ListStoreProducts', 'anybody', { id: store });
    for (const name of ['GetStock', 'ListStockHistory', 'ListLowStock', 'ListOwnProducts']) {
      await send(name, 'seller', { id: product });
    }
  });

  async function reviewed(orderId: string): Promise<void> {
    for (const status of ['shipping', 'shipped']) {
      const options = { body: { status }, headers: headersOf('seller') };
      must(await request(shop.url, 'PUT', `/orders/${orderId}/status`, options), 200);
    }
    keep(review, await send('PostReview', 'ada', { id: product }));
    for (const name of ['GetReview', 'ListReviews']) {
      await send(name, 'anybody', { id: name === 'GetReview' ? review : product });
    }
    for (const name of ['EditReview', 'ListMyReviews']) await send(name, 'ada', { id: review });
    for (const name of ['AnswerReview', 'RemoveReviewAnswer']) await send(name, 'seller', { id: review });
    for (const name of ['ListAllReviews', 'HideReview', 'ShowReview']) await send(name, 'admin', { id: review });
    await send('DeleteReview', 'ada', { id: review });
  }

  it('of carts, orders and payments work as they stand', async () => {
    await send('AddCartItem', 'ada');
    await send('AddPricedCartItem', 'ada');
    await send('ChangeCartItem', 'ada', { id: product });
    await send('GetCart', 'ada');
    await send('RemoveCartItem', 'ada', { id: product });
    await send('ClearCart', 'ada');
    const bought = keep(order, await send('PlaceOrder', 'ada'));
    real.set(payment, await paymentOf(bought, 'captured'));
    real.set(instant, new Date().toISOString());
    for (const name of ['GetOrder', 'GetOrderHistory', 'ListOrders', 'ListOrderPayments']) {
      await send(name, 'ada', { id: order });
    }
    await send('GetPayment', 'ada', { id: payment });
    await send('ListPayments', 'ada');
    await send('ListNotifications', 'ada');
    await send('ListSellerOrders', 'seller');
    await send('AdvanceOrder', 'seller', { id: order });
    await reviewed(bought);
    await send('RefundPayment', 'seller', { id: payment });
    const declined = keep(order, await send('PlaceOrder', 'ada', { changed: { payment_method: 'sandbox_decline' } }));
    await paymentOf(declined, 'declined');
    await send('RequestPayment', 'ada', { changed: { amount: undefined } });
    const waiting = keep(order, await send('PlaceOrder', 'ada', { changed: { payment_method: 'sandbox_confirm' } }));
    await send('ConfirmPayment', 'ada', { id: await paymentOf(waiting, 'authorised') });
    keep(order, await send('PlaceOrder', 'ada', { changed: { payment_method: 'sandbox_decline' } }));
    await send('CancelOrder', 'ada', { id: order });
  });

  async function administered(): Promise<void> {
    for (const name of ['SuspendStore', 'RestoreStore']) await send(name, 'admin', { id: store });
    for (const name of ['GetDashboard', 'ListProjections', 'ListEvents']) await send(name, 'admin');
    await send('RequestRebuild', 'admin', { id: 'orders' });
    real.set(deadLetter, await makeDeadLetter(shop.databaseUrl));
    for (const name of ['ListDeadLetters', 'GetDeadLetter', 'RetryDeadLetter', 'SkipDeadLetter']) {
      await send(name, 'admin', { id: deadLetter });
    }
  }

  it('of mailed links and the second factor work as they stand', async () => {
    const mails = await keptMails(database.url);
    const ada = ours(user);
    await send('AskEmailVerification', 'anybody');
    await send('VerifyEmail', 'anybody', { changed: { token: await mails.token(ada, 'verification of address') } });
    await send('AskPasswordReset', 'anybody');
    const reset = { token: await mails.token(ada, 'password reset'), new_password: 'copper kettle morning' };
    await send('ResetPassword', 'anybody', { changed: reset });
    isCalled('ada', await send('LogIn', 'anybody'));
    await send('AskEmailChange', 'ada');
    await send('ChangeEmail', 'anybody', { changed: { token: await mails.token(ada, 'change of address') } });
    await mails.close();
    const { secret } = (await send('OfferSecondFactor', 'ada')).data;
    const codes = (await send('EnableSecondFactor', 'ada', { changed: { code: codeNow(secret) } })).data.recovery_codes;
    await send('GetSecondFactor', 'ada');
    const renewed = await send('RenewRecoveryCodes', 'ada', { changed: { code: codes[0] } });
    const moved = { email: 'ada.byron@shop.example' };
    const { challenge } = (await send('LogIn', 'anybody', { changed: moved })).data;
    const [first, second] = renewed.data.recovery_codes;
    isCalled('ada', await send('LogInByCode', 'anybody', { changed: { challenge, code: first } }));
    await send('DisableSecondFactor', 'ada', { changed: { code: second } });
    const back = { email: 'ada@shop.example' };
    await send('AskEmailChange', 'ada', { changed: back });
    const again = await keptMails(database.url);
    await send('ChangeEmail', 'anybody', { changed: { token: await again.token(ada, 'change of address', 2) } });
    await again.close();
  });

  it('of a second factor that is demanded work as they stand', async () => {
    const strict = await serveShop(database.url, { REQUIRE_SECOND_FACTOR: 'admin' });
    const ordinary = shop;
    shop = strict;
    try {
      const changed = { email: admin.email, password: PASSWORD };
      const { challenge } = (await send('LogIn', 'anybody', { changed })).data;
      const { secret } = (await send('OfferSecondFactorAtLogin', 'anybody', { changed: { challenge } })).data;
      const enrolment = { challenge, code: codeNow(secret) };
      const enrolled = await send('EnableSecondFactorAtLogin', 'anybody', { changed: enrolment });
      isCalled('admin', { ...enrolled, data: enrolled.data.login });
    } finally {
      shop = ordinary;
      await strict.stop();
    }
  });

  it('of endings work as they stand, and then every route was asked', async () => {
    await send('DelistProduct', 'seller', { id: product });
    const empty = must(
      await request(shop.url, 'POST', '/categories', { body: { name: 'Maps' }, headers: headersOf('admin') }),
      201,
    );
    await send('DeleteCategory', 'admin', { id: empty.data.id });
    real.set(refreshToken, (await send('LogIn', 'anybody')).data.refresh_token);
    const refreshed = await send('RefreshTokens', 'anybody');
    isCalled('ada', refreshed);
    await send('ChangePassword', 'ada');
    real.set(refreshToken, refreshed.data.refresh_token);
    await send('LogOut', 'anybody');
    await send('GetUser', 'admin', { id: user });
    await send('ListUsers', 'admin');
    const { data: others } = await send('ListSessions', 'seller');
    real.set(
      exportPass,
      (await send('AskExport', 'seller', { changed: { password: PASSWORD, code: undefined } })).data.pass,
    );
    await send('GetExport', 'seller');
    await send('EndOtherSessions', 'seller');
    await send('EndSession', 'seller', { id: others[0].id });
    await send('VerifyCredentials', 'admin');
    await send('DisableSecondFactorOf', 'admin', { id: user });
    await send('DeactivateUser', 'admin', { id: user });
    await send('ReactivateUser', 'admin', { id: user });
    callers.ada = await shop.people.buyer();
    await send('EraseMe', 'ada', { changed: { password: PASSWORD } });
    real.set(user, (await shop.people.buyer()).id);
    await send('EraseUser', 'admin', { id: user });
    await administered();
    expect([...told].sort()).to.deep.equal(contracts.map(({ name }) => name).sort());
    expect(routesOf({ commands, queries }).length).to.be.greaterThan(contracts.length);
  });
});
