import { expect } from 'chai';
import { eventually } from '../support/eventually.ts';
import { must, PASSWORD, type Answer, type Caller, type Json } from '../support/shop.ts';
import { openStockedShop, type StockedShop } from '../support/stockedShop.ts';

const CANARY = 'Canary Featherstonehaugh';
const ADDRESS = '7 Aviary Lane, Norwich';

describe('the browser of events', function () {
  this.timeout(60_000);
  let shop: StockedShop;
  let admin: Caller;
  before(async () => {
    shop = await openStockedShop();
    admin = await shop.people.admin();
  });
  after(() => shop.close());

  const ask = (query: Record<string, string> = {}): Promise<Answer> =>
    admin.call('GET', `/admin/events?${new URLSearchParams(query).toString()}`);
  const events = async (query: Record<string, string>): Promise<Json[]> => must(await ask(query), 200).data;
  /** All pages. */
  async function walk(query: Record<string, string>): Promise<Json[]> {
    const all: Json[] = [];
    for (let next: string | undefined = ''; next !== undefined;) {
      const { data, body } = must(await ask(next === '' ? query : { ...query, cursor: next }), 200);
      all.push(...data);
      next = body.meta.pagination.next as string | undefined;
    }
    return all;
  }

  it('tells of each event its place, time, actor, command and cause, by every filter and in both orders', async () => {
    const buyer = await shop.people.buyer(CANARY);
    const [registered] = await events({ stream: `user-${buyer.id}`, type: 'UserRegistered' });
    expect(registered).to.include({ stream: `user-${buyer.id}`, revision: '0', type: 'UserRegistered' });
    expect(registered).to.include.keys('position', 'event_id', 'at', 'actor', 'command', 'causation_id');
    expect(registered.data).to.include({ name: '[sealed]', email: '[sealed]' });

    const put = must(await buyer.call('PUT', '/users/me', { address: ADDRESS }), 200);
    const of = { correlation_id: put.body.meta.request_id as string };
    expect((await walk(of)).map(({ type }) => type as string)).to.deep.equal(['ProfileUpdated']);
    expect(await walk({ ...of, actor: buyer.id })).to.have.lengthOf(1);
    expect(await walk({ ...of, actor: admin.id })).to.deep.equal([]);

    const newest = await walk({ stream: 'user', per_page: '3' });
    const oldest = await walk({ stream: 'user', limit: '2', order: 'oldest' });
    const positions = (list: readonly Json[]): string[] => list.map(({ position }) => String(position));
    expect(newest.every(({ stream }) => String(stream).startsWith('user-'))).to.equal(true);
    expect(positions(newest)).to.deep.equal(positions(oldest).toReversed());
    const at = registered.at as string;
    expect(positions(await walk({ stream: 'user', to: at }))).to.not.include(registered.position);
    const later = await walk({ stream: `user-${buyer.id}`, from: at });
    expect(positions(later)).to.include(registered.position);

    const all = JSON.stringify(await walk({ per_page: '100' }));
    for (const secret of [CANARY, ADDRESS, buyer.email, PASSWORD, '$2b$', 'pd1.', 'pd2.']) {
      expect(all).to.not.include(secret);
    }
  });

  it('B5: shows of an erased person that they are erased, and has no hit for what they typed', async () => {
    const buyer = await shop.people.buyer(CANARY);
    must(await buyer.call('PUT', '/users/me', { address: ADDRESS }), 200);
    must(await buyer.call('DELETE', '/users/me', { password: PASSWORD }), 200);
    await eventually('the key is gone', async () => {
      const [registered] = await events({ stream: `user-${buyer.id}`, type: 'UserRegistered' });
      return registered.data.name === '[erased]';
    });
    const all = JSON.stringify(await walk({ per_page: '100' }));
    for (const canary of [CANARY, ADDRESS, buyer.email]) expect(all).to.not.include(canary);
  });

  it('B16: refuses a cursor of other filters, another order or another form, and times that end before they begin', async () => {
    const next = must(await ask({ stream: 'user', per_page: '1' }), 200).body.meta.pagination.next as string;
    must(await ask({ stream: 'user', after: next, limit: '1' }), 200);
    const wrong: Record<string, string>[] = [
      { stream: 'order', cursor: next },
      { stream: 'user', order: 'oldest', cursor: next },
      { stream: 'user', cursor: next.slice(0, -2) },
      { stream: 'user', cursor: 'x'.repeat(10_000) },
      { cursor: '12' },
      { from: '2026-03-02T00:00:00Z', to: '2026-03-01T00:00:00Z' },
      { stream: '$all' },
      { per_page: '101' },
    ];
    for (const query of wrong) expect(await ask(query), JSON.stringify(query).slice(0, 80)).to.include({ status: 400 });
    expect(must(await ask({ stream: 'order-of-nobody' }), 200).data).to.deep.equal([]);
    const buyer = await shop.people.buyer();
    expect(await buyer.call('GET', '/admin/events')).to.include({ status: 403 });
  });
});
