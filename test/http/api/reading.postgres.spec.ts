import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import { gate, openEdge, type Edge } from '../edge.ts';
import { stage } from '../example.ts';

describe('reading', () => {
  let edge: Edge;
  let label: string;
  before(async () => {
    edge = await openEdge();
  });
  beforeEach(() => {
    label = `/api/v1/labels/${randomUUID()}`;
    stage.label = 'first';
    edge.progress.moveTo(1_000_000n);
  });
  after(() => edge.close());

  const create = (token?: string) =>
    edge.request('POST', '/api/v1/accounts', { body: { amount: 5 }, ...(token === undefined ? {} : { token }) });

  it('answers from the cache with the bytes that were cached, in a new envelope', async () => {
    const first = await edge.request('GET', label);
    const queried = stage.queried;
    const second = await edge.request('GET', label);
    expect(stage.queried).to.equal(queried);
    expect(second.json.data).to.deep.equal(first.json.data);
    expect(second.json.meta.request_id).to.not.equal(first.json.meta.request_id);
    expect(second.headers['content-length']).to.equal(String(Buffer.byteLength(second.text)));
    expect(second.headers.etag)
      .to.equal(first.headers.etag)
      .and.to.match(/^"7\.[\w-]+"$/);
  });

  it('asks again once what it read has changed', async () => {
    await edge.request('GET', label);
    stage.label = 'second ü';
    expect((await edge.request('GET', label)).json.data.label).to.equal('first');
    await edge.cache.invalidate([`label:${label.split('/').at(-1)}`]);
    const { json, text, headers } = await edge.request('GET', label);
    expect(json.data.label).to.equal('second ü');
    expect(headers['content-length']).to.equal(String(Buffer.byteLength(text)));
  });

  it('runs one query for many who ask at once', async () => {
    const held = gate();
    stage.gate = held.promise;
    const before = stage.queried;
    const asking = Array.from({ length: 20 }, () => edge.request('GET', label));
    while (stage.queried === before) await new Promise(setImmediate);
    stage.gate = undefined;
    held.open();
    const replies = await Promise.all(asking);
    expect(replies.map(({ status }) => status)).to.deep.equal(Array.from({ length: 20 }, () => 200));
    expect(stage.queried - before).to.equal(1);
  });

  it('answers 304 only to callers that already have the same answer', async () => {
    const { headers } = await edge.request('GET', label);
    const etag = String(headers.etag);
    const asked = (value: string) => edge.request('GET', label, { headers: { 'if-none-match': value } });
    for (const value of [etag, `W/${etag}`, `"other", ${etag}`, '*']) {
      const { status, text, headers: got } = await asked(value);
      expect([value, status, text, got.etag]).to.deep.equal([value, 304, '', etag]);
    }
    expect((await asked('"7"')).status).to.equal(200);
    stage.label = 'changed beside the revision';
    await edge.cache.clear();
    expect((await asked(etag)).status).to.equal(200);
  });

  it('says how far the answer reaches', async () => {
    edge.progress.moveTo(77n);
    expect((await edge.request('GET', label)).headers['projection-position']).to.equal('77');
    expect((await edge.request('GET', label)).headers['projection-position']).to.equal('77');
    const { json, headers } = await edge.request('GET', '/api/v1/log');
    expect(headers['projection-position']).to.equal(String(json.data));
  });

  it('waits for the position that is asked for', async () => {
    edge.progress.moveTo(10n);
    const asking = edge.request('GET', label, { headers: { 'min-position': '12' } });
    while (!edge.progress.waited.includes(12n)) await new Promise(setImmediate);
    edge.progress.moveTo(12n);
    const { status, headers } = await asking;
    expect([status, headers['projection-position']]).to.deep.equal([200, '12']);
  });

  it('refuses to answer stale when the position is not reached in time', async () => {
    edge.progress.moveTo(10n);
    const { status, headers, json } = await edge.request('GET', label, { headers: { 'min-position': '13' } });
    expect([status, headers['retry-after'], json.errors[0].code]).to.deep.equal([503, '1', 'SERVICE_UNAVAILABLE']);
    for (const value of ['x', '-1', '1.5', '9'.repeat(30)]) {
      expect((await edge.request('GET', label, { headers: { 'min-position': value } })).status, value).to.equal(400);
    }
  });

  it('includes what the reader wrote, without being asked to', async () => {
    const [writer, stranger] = [edge.token(), edge.token()];
    await edge.request('GET', label, { token: stranger });
    edge.progress.hold();
    const written = BigInt(String((await create(writer)).headers['event-position']));
    const asking = edge.request('GET', label, { token: writer });
    while (!edge.progress.waited.includes(written)) await new Promise(setImmediate);
    expect((await edge.request('GET', label, { token: stranger })).status).to.equal(200);
    expect((await edge.request('GET', label)).status).to.equal(200);
    edge.progress.moveTo(written);
    const { status, headers } = await asking;
    expect([status, headers['projection-position']]).to.deep.equal([200, String(written)]);
  });

  it('includes, for someone who has just signed in, what was written before they had a name', async () => {
    edge.progress.hold();
    const written = BigInt(String((await create()).headers['event-position']));
    const asking = edge.request('GET', label, { token: edge.token() });
    while (!edge.progress.waited.includes(written)) await new Promise(setImmediate);
    edge.progress.moveTo(written);
    expect((await asking).status).to.equal(200);
  });
});

describe('a pinned revision', () => {
  let edge: Edge;
  let path: string;
  before(async () => {
    edge = await openEdge();
  });
  beforeEach(async () => {
    path = String((await edge.request('POST', '/api/v1/accounts', { body: { amount: 5 } })).headers.location);
  });
  after(() => edge.close());

  const add = (ifMatch: string) => edge.request('PUT', path, { body: { amount: 1 }, headers: { 'if-match': ifMatch } });

  it('lets the change pass while it is the present one, in any form an ETag has', async () => {
    for (const [index, form] of ['"0"', '1', 'W/"2"', '*'].entries()) {
      const { status, headers } = await add(form);
      expect([form, status, headers.etag]).to.deep.equal([form, 200, `"${index + 1}"`]);
    }
    const { headers } = await edge.request('GET', path);
    expect((await add(String(headers.etag))).status).to.equal(200);
  });

  it('that has passed is 412', async () => {
    await add('"0"');
    const { status, json } = await add('"0"');
    expect([status, json.errors[0].code]).to.deep.equal([412, 'PRECONDITION_FAILED']);
  });

  it('that is malformed is 400', async () => {
    for (const value of ['"x"', '"1", "2"', 'newest', '""', '-1', '9'.repeat(40)]) {
      expect((await add(value)).status, value).to.equal(400);
    }
  });
});
