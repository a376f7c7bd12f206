import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import { freshDatabase, type TestDatabase } from '../support/database.ts';
import { type Answer, type Caller, must, PASSWORD, request, serveShop, type Served } from '../support/shop.ts';

describe('accounts, in a shop of Great Britain', function () {
  this.timeout(60_000);
  let database: TestDatabase;
  let shop: Served;
  let admin: Caller;
  before(async () => {
    database = await freshDatabase();
    shop = await serveShop(database.url, { PHONE_DEFAULT_COUNTRY: 'GB' });
    admin = await shop.people.admin();
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

  const list = async (query: Record<string, string>): Promise<Answer> =>
    must(await admin.call('GET', `/admin/users?${new URLSearchParams(query).toString()}`), 200);
  const idsOf = ({ data }: Answer): string[] => data.map(({ id }: { id: string }) => id);
  const search = async (text: string): Promise<string[]> => idsOf(await list({ search: text }));

  it('B20: are found by phone number in any spelling or part, by e-mail address and by words of the name', async () => {
    const email = newEmail();
    const { data } = must(await register({ name: 'Zoë Crème-Byron', email, phone: '020 7946 0055' }), 201);
    const found = [
      ...['+442079460055', '020 7946 0055', '7946-0055', '0044 20 7946 0055', '٧٩٤٦ ٠٠٥٥', '(020) 79460055'],
      ...[email, ` ${email.toUpperCase()} `, 'zoe', 'CRÈME', 'byron zoe', 'creme-byron'],
    ];
    for (const text of found) expect(await search(text), text).to.include(data.id);
    expect(await search('020 7946')).to.include(data.id);
    const raw = must(await admin.call('GET', '/admin/users?search=+442079460055'), 200);
    expect(idsOf(raw), 'a plus arrives as a blank').to.deep.equal([data.id]);
    for (const text of [
      '%',
      '_',
      '%%',
      '*',
      '"',
      '!!!',
      "' OR 1=1 --",
      '\\',
      ':*',
      'zo%',
      'zoe & !byron2',
      email.slice(1),
      '🎉',
    ]) {
      expect(await search(text), text).to.deep.equal([]);
    }
    expect((await list({ search: ' ' })).body.meta.pagination.total_items).to.be.above(3);
    for (const text of ['\u0000', 'x'.repeat(201)]) {
      must(await admin.call('GET', `/admin/users?search=${encodeURIComponent(text)}`), 400);
    }
  });

  it('are found by what they are now, and no longer by what they were', async () => {
    const ada = await shop.people.buyer('quillon');
    expect(await search('quillon')).to.deep.equal([ada.id]);
    must(await ada.call('PUT', '/users/me', { name: 'Ada Wexcombe', phone: '020 7946 0066' }), 200);
    expect(await search('wexcombe')).to.deep.equal([ada.id]);
    expect(await search('7946 0066')).to.deep.equal([ada.id]);
    expect(await search('quillon')).to.deep.equal([]);
    must(await ada.call('PUT', '/users/me', { phone: null }), 200);
    expect(await search('79460066')).to.deep.equal([]);
  });

  it('are listed newest first, by role and by standing, and shown one by one, to admins alone', async () => {
    const [older, newer] = [await shop.people.buyer('pelham'), await shop.people.buyer('pelham')];
    expect(idsOf(await list({ search: 'pelham' }))).to.deep.equal([newer.id, older.id]);
    expect(idsOf(await list({ per_page: '2' }))).to.deep.equal([newer.id, older.id]);
    must(await admin.call('PUT', `/admin/users/${older.id}/deactivate`, {}), 200);
    expect(idsOf(await list({ search: 'pelham', is_active: 'false' }))).to.deep.equal([older.id]);
    expect(idsOf(await list({ search: 'pelham', is_active: 'true' }))).to.deep.equal([newer.id]);
    expect(idsOf(await list({ search: 'pelham', role: 'admin' }))).to.deep.equal([]);
    expect(idsOf(await list({ role: 'admin' }))).to.deep.equal([admin.id]);
    for (const path of ['/admin/users', '/users']) {
      const shown = must(await admin.call('GET', `${path}/${older.id}`), 200).data;
      expect(shown).to.include({ id: older.id, email: older.email, name: 'pelham', is_active: false });
      expect(Object.keys(shown)).to.not.include('passwordHash');
      must(await newer.call('GET', `${path}/${older.id}`), 403);
      must(await admin.call('GET', `${path}/${randomUUID()}`), 404);
    }
    must(await newer.call('GET', '/admin/users'), 403);
    expect(must(await newer.call('GET', '/users/me'), 200).data.id).to.equal(newer.id);
  });
});
