import { randomUUID } from 'node:crypto';
import net from 'node:net';
import { expect } from 'chai';
import type { Json } from '../../support/shop.ts';
import { openEdge, type Edge, type Request, type Wrong } from '../edge.ts';

describe('the content of a request', () => {
  let edge: Edge;
  before(async () => {
    edge = await openEdge();
  });
  after(() => edge.close());

  const open = (request: Request) => edge.request('POST', '/api/v1/accounts', request);
  const errorsOf = (json: Json): Record<string, string> =>
    Object.fromEntries((json.errors as Wrong[]).map(({ field, message }) => [field ?? '', message]));

  it('is answered with every invalid field at once', async () => {
    const body = {
      amount: 'much',
      owner: { name: '', age: 3 },
      limit: true,
      tags: ['abcdef', 'b', 'c', 'd'],
      role: 'admin',
    };
    const { status, json } = await open({ body });
    expect(status).to.equal(400);
    expect((json.errors as Wrong[]).every(({ code }) => code === 'VALIDATION_ERROR')).to.equal(true);
    expect(errorsOf(json)).to.deep.equal({
      amount: 'amount must be a whole number from 1 to 1000000, but it is text',
      'owner.name': 'owner.name must be text of 1 to 20 characters, but it is empty',
      'owner.age': 'owner.age is not a known field: the only one is name',
      limit: 'limit must be digits such as 250, or a number from 0 to 1000, but it is true',
      tags: 'tags must be a list of at most 3 items, each text of at most 5 characters, but it has 4 items',
      'tags.0': 'tags[0] must be text of at most 5 characters, but it has 6 characters',
      role: 'role is not a known field: there are amount, owner, limit, tags',
    });
  });

  it('says so where a single field is wrong', async () => {
    const { json } = await open({ body: {} });
    const message = 'amount is missing: it must be a whole number from 1 to 1000000';
    expect([json.detail, json.errors]).to.deep.equal([
      message,
      [{ code: 'VALIDATION_ERROR', field: 'amount', message }],
    ]);
  });

  it('is complete about path, headers and body together', async () => {
    const { json } = await edge.request('PUT', '/api/v1/accounts/12', {
      body: { amount: 0 },
      token: edge.token(),
      headers: { 'if-match': 'newest', 'idempotency-key': 'with space' },
    });
    expect(Object.keys(errorsOf(json)).sort()).to.deep.equal(['Idempotency-Key', 'If-Match', 'amount', 'id']);
  });

  it('is wrong in sentences that name the header, the parameter or the field', async () => {
    const { json } = await edge.request('PUT', '/api/v1/accounts/%E0%A4%A?colour=red&colour=blue', {
      text: '{"amount":1,"a\\u0000b":1}',
      token: edge.token(),
      headers: { 'if-match': 'newest', 'idempotency-key': 'with space' },
    });
    expect((json.errors as Wrong[]).map(({ message }) => message)).to.have.members([
      'id is not valid percent-encoded text',
      'If-Match must be one ETag that this API has given, such as "12"',
      'Idempotency-Key must be 1 to 255 visible ASCII characters without spaces',
      'colour is given more than once',
      'colour is not a known query parameter: none is known here',
      'a�b is not a known field: the only one is amount',
    ]);
    const { json: of } = await edge.request('GET', '/api/v1/labels', { headers: { 'min-position': 'last' } });
    expect(of.detail).to.equal('Min-Position must be a position of the log: a whole number such as 42');
  });

  it('never coerces what is in a body', async () => {
    for (const amount of ['5', true, null, [5], 5.5]) {
      expect((await open({ text: JSON.stringify({ amount }) })).status, String(amount)).to.equal(400);
    }
  });

  it('is an object, or nothing where nothing is required', async () => {
    for (const text of ['[]', 'null', '3', '"text"', '[[]]']) {
      expect((await open({ text })).status, text).to.equal(400);
    }
    expect((await edge.request('POST', '/api/v1/refusals')).status).to.not.equal(400);
    expect((await edge.request('POST', '/api/v1/refusals', { text: '' })).status).to.not.equal(400);
    expect((await edge.request('POST', '/api/v1/refusals', { body: {} })).status).to.not.equal(400);
    expect((await edge.request('POST', '/api/v1/refusals', { body: { a: 1 } })).status).to.equal(400);
  });

  it('is JSON', async () => {
    const broken = ['{', '{"amount":1,}', "{'amount':1}", '{"amount":1}x', '\u{feff}{'];
    for (const text of [...broken, Buffer.from([0x7b, 0xff, 0x7d])]) {
      const { status, json } = await open({ text });
      expect([status, json.errors[0].code]).to.deep.equal([400, 'VALIDATION_ERROR']);
    }
  });

  it('says that it is JSON, or is 415', async () => {
    const types = ['text/plain', 'application/x-www-form-urlencoded', 'application/json; charset=latin1', ''];
    for (const type of types) {
      const { status, json } = await open({ text: '{"amount":1}', headers: { 'content-type': type } });
      expect([type, status, json.errors[0].code]).to.deep.equal([type, 415, 'UNSUPPORTED_MEDIA_TYPE']);
    }
    const zipped = await open({ body: { amount: 1 }, headers: { 'content-encoding': 'gzip' } });
    expect(zipped.status).to.equal(415);
    const utf8 = { 'content-type': 'application/json; charset="UTF-8"' };
    expect((await open({ text: '{"amount":1}', headers: utf8 })).status).to.equal(201);
  });

  it('is not larger than allowed, announced or not', async () => {
    const text = JSON.stringify({ amount: 1, owner: { name: 'x'.repeat(10_000) } });
    const announced = await open({ text });
    expect([announced.status, announced.json.errors[0].code]).to.deep.equal([413, 'PAYLOAD_TOO_LARGE']);
    expect((await open({ text, headers: { 'transfer-encoding': 'chunked' } })).status).to.equal(413);
    const huge = await open({ text: 'x'.repeat(10 * 1024 * 1024) });
    expect(huge.status).to.equal(413);
  });

  it('is not nested deeper than 32, nor wider than can be checked', async () => {
    const nested = (depth: number) => `{"amount":${'['.repeat(depth)}${']'.repeat(depth)}}`;
    expect((await open({ text: nested(31) })).json.detail).to.equal(
      'amount must be a whole number from 1 to 1000000, but it is a list',
    );
    expect((await open({ text: nested(32) })).json.detail).to.match(/at most 32 levels deep/);
    expect((await open({ text: nested(4_000) })).json.detail).to.match(/at most 32 levels deep/);
    const many = await open({ text: `{"amount":1,"tags":[${'1,'.repeat(3_000)}1]}` });
    expect(many.json.errors).to.deep.equal([
      { code: 'VALIDATION_ERROR', field: 'tags', message: 'tags must have at most 1000 items' },
    ]);
    const keys = Object.fromEntries(Array.from({ length: 201 }, (_, index) => [`k${index}`, 1]));
    expect((await open({ body: keys })).json.errors).to.have.length(1);
    const bad = await open({ body: { amount: 1, tags: Array.from({ length: 900 }, () => 1) } });
    expect(bad.json.errors.length).to.be.within(2, 100);
  });

  it('holds no NUL and no lone surrogate', async () => {
    for (const escaped of ['\\u0000', '\\ud800', '\\udc00x']) {
      const { status, json } = await open({ text: `{"amount":1,"owner":{"name":"${escaped}"}}` });
      expect([status, json.errors[0].field]).to.deep.equal([400, 'owner.name']);
    }
    expect((await open({ text: '{"amount":1,"owner":{"name":"\\ud83d\\ude00"}}' })).status).to.equal(201);
  });

  it('pollutes no prototype', async () => {
    for (const key of ['__proto__', 'constructor', 'prototype', 'hasOwnProperty', 'toString']) {
      const { status, json } = await open({ text: `{"amount":1,"${key}":{"x":1}}` });
      expect(status).to.equal(400);
      expect(errorsOf(json)[key]).to.equal(`${key} is not a known field: there are amount, owner, limit, tags`);
      expect((await edge.request('GET', `/api/v1/labels?${key}=1`)).status).to.equal(400);
    }
    expect(({} as Json).x).to.equal(undefined);
  });

  it('has ids that are UUIDs before anything is looked up', async () => {
    for (const id of [
      '1',
      'null',
      `${randomUUID()}x`,
      'urn:uuid:00000000-0000-0000-0000-000000000000',
      '%00',
      '%E0%A4%A',
    ]) {
      const { status, json } = await edge.request('GET', `/api/v1/accounts/${id}`);
      expect([id, status, json.errors[0].field]).to.deep.equal([id, 400, 'id']);
    }
    expect((await edge.request('GET', `/api/v1/accounts/${randomUUID()}`)).status).to.equal(404);
    const { json } = await open({ body: { amount: 1 } });
    expect((await edge.request('GET', `/api/v1/accounts/${String(json.data.id).toUpperCase()}`)).status).to.equal(200);
  });

  it('has known query parameters, each once, as their schema says', async () => {
    const queryOf = async (search: string): Promise<object> => {
      const { status, json } = await edge.request('GET', `/api/v1/labels?${search}`);
      return status === 200 ? (json.data[0] as object) : errorsOf(json);
    };
    expect(await queryOf('')).to.deep.equal({ page: 1, per_page: 20 });
    expect(await queryOf('on=false&page=2')).to.deep.equal({ page: 2, per_page: 20, on: false });
    expect(await queryOf('search=a+b%26')).to.include({ search: 'a b&' });
    expect(await queryOf('page=1&page=2')).to.deep.equal({ page: 'page is given more than once' });
    expect(await queryOf('page=0&per_page=101&on=maybe&search=12345678901')).to.deep.equal({
      page: 'page must be a whole number from 1 to 1000',
      per_page: 'per_page must be a whole number from 1 to 100',
      on: 'on must be true or false',
      search: 'search must be text of at most 10 characters, but it has 11 characters',
    });
    expect(await queryOf('page=')).to.have.property('page');
    expect(await queryOf('what=1')).to.deep.equal({
      what: 'what is not a known query parameter: there are page, per_page, on, search',
    });
    expect(await queryOf('search[x]=1')).to.have.property('search[x]');
    expect(await queryOf('search=%00')).to.have.property('search');
    expect(await queryOf('search=%E0%A4%A')).to.have.property('');
    expect(await queryOf(Array.from({ length: 70 }, (_, index) => `p${index}=1`).join('&'))).to.have.property('');
  });

  it('is HTTP, or gets a problem all the same', async () => {
    const { port } = new URL(edge.url);
    const raw = (text: string): Promise<string> =>
      new Promise((resolve, reject) => {
        const socket = net.connect(Number(port), '127.0.0.1', () => socket.write(text));
        let answer = '';
        socket.setTimeout(5_000, () => socket.destroy(new Error('no answer')));
        socket
          .on('data', (chunk) => (answer += chunk.toString()))
          .once('error', reject)
          .once('close', () => resolve(answer));
      });
    expect(await raw('HELLO\r\n\r\n')).to.match(/^HTTP\/1\.1 400 .*application\/problem\+json/s);
    expect(await raw(`GET / HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`)).to.match(/^HTTP\/1\.1 431 /);
  });
});
