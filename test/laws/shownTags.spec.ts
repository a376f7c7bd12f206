import { expect } from 'chai';
import { must, request, type Served, serving } from '../support/shop.ts';

describe('the entity tag of a profile', function () {
  this.timeout(60_000);
  let shop: Served;
  serving((served) => {
    shop = served;
  });

  it('is the one that If-Match is compared with, also after a change of the password', async () => {
    const ann = await shop.people.buyer('Ann');
    const passwords = { current_password: 'correct horse battery', new_password: 'wrong mule generator' };
    must(await ann.call('PUT', '/users/me/password', passwords), 200);
    const shown = must(await ann.call('GET', '/users/me'), 200).headers.get('etag')!;
    must(await ann.call('PUT', '/users/me', { name: 'Anna' }, { 'if-match': shown }), 200);
    must(await ann.call('PUT', '/users/me', { name: 'Anne' }, { 'if-match': shown }), 412);
    const body = { email: ann.email, password: passwords.new_password };
    expect(must(await request(shop.url, 'POST', '/auth/login', { body }), 200).data.user.name).to.equal('Anna');
  });
});
