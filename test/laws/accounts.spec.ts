import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import { freshDatabase, type TestDatabase } from '../support/database.ts';
import { type Answer, must, PASSWORD, request, serveShop, type Served } from '../support/shop.ts';

describe('accounts, in a shop of Great Britain', function () {
  this.timeout(60_000);
  let database: TestDatabase;
  let shop: Served;
  before(async () => {
    database = await freshDatabase();
    shop = await serveShop(database.url, { PHONE_DEFAULT_COUNTRY: 'GB' });
  });
  after(async () => {
    await shop.stop();
    await database.drop();
  });

  const newEmail = (): string => `ada-${randomUUID()}@example.com`;
  const register = (fields: object): Promise<Answer> =>
    request(shop.url, 'POST', '/auth/register', { body: { email: newEmail(), password: PASSWORD, ...fields } });
  const fieldsOf = ({ body }: Answer): string[] => body.errors.map(({ field }: { field: string }) => field);

  it('B20: register each phone number once, whatever its spelling, and show it in E.164', async () => {
    const name = 'Ada Byron';
    const { data } = must(await register({ name, phone: '+44 20 7946 0018' }), 201);
    expect(data.phone).to.equal('+442079460018');
    const same = [
      ...['020 7946 0018', '0044 20 7946 0018', '+44 (0)20 7946 0018', '２０７９４６００１８', '٠٢٠ ٧٩٤٦ ٠٠١٨'],
      ...['＋４４ ２０ ７９４６ ００１８', '+44\u00a020\u00a07946\u00a00018', '442079460018'],
    ];
    for (const phone of same) {
      const refused = must(await register({ name, phone }), 409);
      expect(fieldsOf(refused), phone).to.deep.equal(['phone']);
    }
    const none = [
      ...['tel:+44-20-7946-0018', 'call +44 20 7946 0018 now', '+44 20 7946 0018 x12', '+44 20 7946 0018;ext=12'],
      ...['+52 1 55 1234 5678', '+39 6 698 12345', '+5108675432', '+0407123456', '+1 555 0100', '4915123456789'],
      ...['%', '_', '', '+442079460018\u0000', '0'.repeat(200)],
    ];
    for (const phone of none) {
      const refused = must(await register({ name, phone }), 400);
      expect(fieldsOf(refused), phone).to.deep.equal(['phone']);
    }
    expect(must(await register({ name, phone: '+54 9 11 6677-3399' }), 201).data.phone).to.equal('+5491166773399');
    expect(must(await register({ name, phone: '+54 11 6677-3399' }), 201).data.phone).to.equal('+541166773399');
    const atOnce = await Promise.all([
      register({ name, phone: '020 7946 0020' }),
      register({ name, phone: '+442079460020' }),
    ]);
    expect(atOnce.map(({ status }) => status).sort()).to.deep.equal([201, 409]);
  });

  it('are refused in all that is wrong with them, in one answer', async () => {
    const refused = must(await register({ password: 'short', phone: '+1 555 0100' }), 400);
    expect(fieldsOf(refused)).to.have.members(['password', 'name', 'phone']);
  });

  it('may be named in the forms of other shops, as long as these do not contradict', async () => {
    const named = async (fields: object): Promise<string> => must(await register(fields), 201).data.name;
    expect(await named({ first_name: 'Ada', last_name: 'Byron' })).to.equal('Ada Byron');
    expect(await named({ username: 'ada_b', full_name: 'Ada Byron' })).to.equal('Ada Byron');
    expect(await named({ username: 'ada_b' })).to.equal('ada_b');
    for (const [fields, wrong] of [
      [{}, 'name'],
      [{ name: 'Ada Byron', full_name: 'Ada King' }, 'full_name'],
      [{ name: 'Ada Byron', first_name: 'Ada', last_name: 'King' }, 'first_name'],
      [{ first_name: 'A'.repeat(150), last_name: 'B'.repeat(150) }, 'last_name'],
      [{ name: 7 }, 'name'],
      [{ username: ' ' }, 'username'],
    ] as const) {
      expect(fieldsOf(must(await register(fields), 400)), JSON.stringify(fields)).to.deep.equal([wrong]);
    }
    const weak = { first_name: 'Persephone', last_name: 'Underhill', password: 'persephoneunderhill' };
    expect(fieldsOf(must(await register(weak), 400))).to.deep.equal(['password']);
  });

  it('are renamed in these forms as well, and by half a name only as a whole', async () => {
    const ada = await shop.people.buyer();
    const rename = (fields: object): Promise<Answer> => ada.call('PUT', '/users/me', fields);
    expect(must(await rename({ first_name: 'Ada', last_name: 'King' }), 200).data.name).to.equal('Ada King');
    expect(must(await rename({ full_name: 'Ada Byron' }), 200).data.name).to.equal('Ada Byron');
    expect(fieldsOf(must(await rename({ first_name: 'Augusta' }), 400))).to.deep.equal(['last_name']);
    expect(fieldsOf(must(await rename({ last_name: 'King' }), 400))).to.deep.equal(['first_name']);
    expect(must(await rename({ phone: '020 7946 0021', address: '1 Abbey Road' }), 200).data).to.include({
      ...{ name: 'Ada Byron', phone: '+442079460021', address: '1 Abbey Road' },
    });
    expect(fieldsOf(must(await rename({ phone: '+1 555 0100' }), 400))).to.deep.equal(['phone']);
  });
});
