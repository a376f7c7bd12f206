import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import type { Shop } from '../../src/compose/shop.ts';
import { projectionNames } from '../../src/projections/index.ts';
import { eventually } from '../support/eventually.ts';
import { must, openWriteSide, type Caller, type Json } from '../support/shop.ts';
import { openStockedShop, type StockedShop } from '../support/stockedShop.ts';

const REASON = 'Ann called: her orders look odd';
const PATIENCE_MS = 20_000;

describe('an administrator', function () {
  this.timeout(60_000);
  let shop: StockedShop;
  let admin: Caller;
  let write: Shop;
  before(async () => {
    shop = await openStockedShop();
    admin = await shop.people.admin();
    write = await openWriteSide(shop.databaseUrl, {}, { readOnly: true });
  });
  after(async () => {
    await write.close();
    await shop.close();
  });

  const projections = async (): Promise<Json[]> => must(await admin.call('GET', '/admin/projections'), 200).data;
  const projection = async (name: string): Promise<Json> => (await projections()).find((one) => one.name === name);
  const rebuilt = (name: string): Promise<Json> =>
    eventually(
      `${name} is rebuilt`,
      async () => {
        const found = await projection(name);
        return found.rebuild?.status === 'running' ? undefined : found;
      },
      PATIENCE_MS,
    );
  const acts = async () =>
    (await write.store.read('administration-shop', 0n)).map(({ type, data, metadata }) => ({
      ...{ type, data: data as Json, actor: metadata.actor },
    }));

  it('sees how far every read model is', async () => {
    await eventually('all have seen the log', async () => (await projections()).every(({ lag }) => lag === 0));
    const all = await projections();
    expect(all.map(({ name }) => String(name))).to.deep.equal([...projectionNames]);
    for (const one of all) {
      expect(one, one.name).to.include({ status: 'following', parked: 0, last_error: null });
      expect(BigInt(one.position) <= BigInt(one.head)).to.equal(true);
    }
  });

  it('has a read model rebuilt, sees how it goes, and leaves the act in the log with the reason', async () => {
    const began = must(await admin.call('POST', '/admin/projections/products/rebuild', { reason: REASON }), 200).data;
    expect(began).to.include({ name: 'products' });
    expect(began.rebuild).to.include({ actor: admin.id });
    expect(['running', 'done']).to.include(began.rebuild.status);
    const { rebuild } = await rebuilt('products');
    expect(rebuild).to.include({ status: 'done', progress: 1, rows: 1, differences: 0, parked: 0, error: null });
    expect(rebuild.finished_at).to.be.a('string');
    const [act] = await acts();
    expect(act).to.deep.include({ type: 'RebuildRequested', actor: admin.id });
    expect(act?.data).to.include({ projection: 'products' });
    expect(act?.data.reason).to.match(/^pd2\./);
    expect(must(await admin.call('GET', `/products/${shop.product}`), 200).data.id).to.equal(shop.product);
    must(await admin.call('POST', '/admin/projections/prodcts/rebuild', {}), 404);
    expect((await admin.call('POST', '/admin/projections/prodcts/rebuild', {})).text).to.include(
      'did you mean products?',
    );
  });

  it('has one read model rebuilt at a time, by whichever process, and sees that one was cut off', async () => {
    const turn = await write.services.operations.takeRebuildTurn('orders', 'another process');
    const before = (await acts()).length;
    const refused = await admin.call('POST', '/admin/projections/products/rebuild', {});
    expect([refused.status, refused.body.type]).to.deep.equal([409, '/problems/RebuildRunning']);
    expect((await acts()).length, 'a refused act is no act').to.equal(before);
    await turn.giveBack();
    const answers = await Promise.all(
      ['orders', 'stores', 'users'].map((name) => admin.call('POST', `/admin/projections/${name}/rebuild`, {})),
    );
    expect(answers.filter(({ status }) => status === 200)).to.have.lengthOf.at.least(1);
    for (const { status } of answers) expect([200, 409]).to.include(status);
    for (const name of ['orders', 'stores', 'users']) await rebuilt(name);
    await shop.db.query(`UPDATE rebuilds SET status = 'running', finished_at = NULL WHERE projection = 'products'`);
    await eventually('it is told', async () => (await projection('products')).rebuild.status === 'interrupted');
    must(await admin.call('POST', '/admin/projections/products/rebuild', {}), 200);
    expect((await rebuilt('products')).rebuild.status).to.equal('done');
  });

  it('sees dead letters, has them retried, or skipped for a reason; each act is in the log', async () => {
    const list = async (query = ''): Promise<Json[]> =>
      must(await admin.call('GET', `/admin/dead-letters?consumer=projection:categories${query}`), 200).data;
    const stream = `category-${randomUUID()}`;
    const at = new Date().toISOString();
    const metadata = { commandId: randomUUID(), correlationId: randomUUID(), occurredAt: at, command: 'Test' };
    const event = (type: string, name: unknown) => ({
      ...{ id: randomUUID(), type, data: { name }, metadata: { ...metadata, actor: 'test', schema: 1 } },
    });
    await write.store.append(stream, -1n, [event('CategoryCreated', 7), event('CategoryRenamed', 'Novels')]);
    const [dead, waiting] = await eventually('one is dead and one waits', async () => {
      const letters = await list();
      return letters.length === 2 ? letters : undefined;
    });
    expect(dead).to.include({ consumer: 'projection:categories', status: 'dead', type: 'CategoryCreated', stream });
    expect(dead.error).to.include('cannot hold 7');
    expect(waiting).to.include({ status: 'waiting', type: 'CategoryRenamed' });
    expect((await list('&limit=1')).map(({ id }) => String(id))).to.deep.equal([dead.id]);
    const first = `/admin/dead-letters?consumer=projection:categories&per_page=1`;
    const { next, total_items: total } = must(await admin.call('GET', first), 200).body.meta.pagination;
    const second = must(await admin.call('GET', `${first}&cursor=${next}`), 200);
    expect(second.data.map(({ id }: Json) => String(id))).to.deep.equal([waiting.id]);
    expect([total, second.body.meta.pagination.next]).to.deep.equal([2, undefined]);
    const another = `/admin/dead-letters?consumer=projection:products&per_page=1&cursor=${next}`;
    must(await admin.call('GET', another), 400);
    expect((await projection('categories')).parked).to.equal(2);

    const early = await admin.call('POST', `/admin/dead-letters/${waiting.id}/retry`, {});
    expect([early.status, early.body.type]).to.deep.equal([409, '/problems/DeadLetterNotDead']);
    const asked = must(await admin.call('POST', `/admin/dead-letters/${dead.id}/retry`, { reason: REASON }), 200).data;
    expect(['retry', 'dead']).to.include(asked.status);
    const detail = () => admin.call('GET', `/admin/dead-letters/${dead.id}`).then((answer) => must(answer, 200).data);
    const again = await eventually('it has failed again', async () => {
      const found = await detail();
      return found.attempts === 2 ? found : undefined;
    });
    expect(again.status).to.equal('dead');
    expect((again.acts as Json[]).map(({ act, actor }) => [String(act), String(actor)])).to.deep.equal([
      ['retry', admin.id],
      ['dead', 'system:projection:categories'],
    ]);

    must(await admin.call('POST', `/admin/dead-letters/${dead.id}/skip`, {}), 400);
    const key = { 'Idempotency-Key': randomUUID() };
    const skip = () => admin.call('POST', `/admin/dead-letters/${dead.id}/skip`, { reason: 'a typing error' }, key);
    must(await skip(), 200);
    must(await skip(), 200);
    await eventually('both are done with', async () => (await list()).length === 0);
    expect((await list('&closed=true')).map(({ status }) => String(status))).to.deep.equal(['skipped', 'resolved']);
    must(await admin.call('POST', `/admin/dead-letters/${dead.id}/skip`, { reason: 'once more' }), 409);
    const told = (await acts()).filter(({ type }) => type.startsWith('DeadLetter'));
    expect(told.map(({ type, actor }) => [type, actor])).to.deep.equal([
      ['DeadLetterRetried', admin.id],
      ['DeadLetterSkipped', admin.id],
    ]);
    for (const { data } of told) {
      expect(data).to.include({ deadLetterId: dead.id, consumer: 'projection:categories', eventId: dead.event_id });
      expect(data.reason).to.match(/^pd2\./);
    }
    expect(JSON.stringify(await acts())).not.to.include('Ann');
  });
});
