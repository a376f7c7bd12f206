import { expect } from 'chai';
import { must, request, serving, type Answer, type Served } from '../support/shop.ts';

describe('a session', function () {
  this.timeout(60_000);
  let shop: Served;
  serving((served) => (shop = served));

  const post = (path: string, body: object, token?: string): Promise<Answer> =>
    request(shop.url, 'POST', path, { body, ...(token === undefined ? {} : { token }) });
  const password = 'correct horse battery';
  const logIn = async (email: string) => must(await post('/auth/login', { email, password }), 200).data;

  it('ends with its refresh token’s second use, for thief and owner alike', async () => {
    const { email } = await shop.people.buyer();
    const first = await logIn(email);
    const second = must(await post('/auth/refresh', { refresh_token: first.refresh_token }), 200).data;
    must(await post('/auth/refresh', { refresh_token: first.refresh_token }), 401);
    must(await post('/auth/refresh', { refresh_token: second.refresh_token }), 401);
    must(await request(shop.url, 'GET', '/users/me', { token: second.access_token }), 401);
  });

  it('has one successor, asked for 20 times at once', async () => {
    const { email } = await shop.people.buyer();
    const { refresh_token } = await logIn(email);
    const all = await Promise.all(Array.from({ length: 20 }, () => post('/auth/refresh', { refresh_token })));
    expect(all.filter(({ status }) => status === 200).length).to.be.at.most(1);
  });

  it('is over at once after logging out', async () => {
    const { email } = await shop.people.buyer();
    const { access_token: token, refresh_token } = await logIn(email);
    must(await request(shop.url, 'GET', '/users/me', { token }), 200);
    must(await post('/auth/logout', { refresh_token }), 200);
    must(await request(shop.url, 'GET', '/users/me', { token }), 401);
    must(await post('/auth/refresh', { refresh_token }), 401);
  });

  it('is over when the password was changed in another, which goes on', async () => {
    const { email } = await shop.people.buyer();
    const [here, there] = [await logIn(email), await logIn(email)];
    const body = { current_password: password, new_password: 'another horse, another battery' };
    must(await request(shop.url, 'PUT', '/users/me/password', { body, token: here.access_token }), 200);
    must(await request(shop.url, 'GET', '/users/me', { token: here.access_token }), 200);
    must(await request(shop.url, 'GET', '/users/me', { token: there.access_token }), 401);
    must(await post('/auth/refresh', { refresh_token: there.refresh_token }), 401);
    must(await post('/auth/refresh', { refresh_token: here.refresh_token }), 200);
    must(await post('/auth/login', { email, password }), 401);
  });

  it('of a buyer who opened a store becomes a seller’s with the next token', async () => {
    const person = await shop.people.buyer();
    must(await person.call('POST', '/stores', { name: 'A store' }), 201);
    must(await person.call('POST', '/stores', { name: 'A second store' }), 409);
    const { refresh_token } = await logIn(person.email);
    const { access_token: token, user } = must(await post('/auth/refresh', { refresh_token }), 200).data;
    expect(user.role).to.equal('seller');
    must(await request(shop.url, 'GET', '/seller/orders', { token }), 200);
    must(await request(shop.url, 'GET', '/cart', { token }), 403);
  });
});
