import { Validator } from '@seriousme/openapi-schema-validator';
import { expect } from 'chai';
import { commands } from '../../../src/commands/index.ts';
import { BASE_PATH, routesOf } from '../../../src/http/api/api.ts';
import { openapiOf } from '../../../src/http/api/openapi.ts';
import { queries } from '../../../src/queries/index.ts';
import { eventually } from '../../support/eventually.ts';
import { gate, openEdge, send, type Edge } from '../edge.ts';
import { example, stage } from '../example.ts';

describe('beside the API', () => {
  let edge: Edge;
  const failing = new Set<string>();
  const probe = (name: string, required: boolean) => ({
    name,
    required,
    check: () => (failing.has(name) ? Promise.reject(new Error('gone: password=hush')) : Promise.resolve()),
  });

  beforeEach(async () => {
    failing.clear();
    edge = await openEdge({
      probes: [probe('log', true), probe('bus', false)],
      collectors: [
        {
          name: 'lag_events',
          help: 'Lag.',
          labels: ['projection'],
          read: () => [{ labels: { projection: 'orders' }, value: 3 }],
        },
        { name: 'broken', help: 'Fails.', read: () => Promise.reject(new Error('no')) },
      ],
    });
  });
  afterEach(() => edge.close());

  it('/health and /livez say that the process answers', async () => {
    for (const path of ['/health', '/livez']) {
      const { status, json } = await edge.request('GET', path);
      expect([status, json.data.status, Object.keys(json)]).to.deep.equal([200, 'ok', ['data', 'meta']]);
    }
  });

  it('/readyz names each dependency, and fails only with one that is required', async () => {
    const ready = async () => {
      const { status, text, json } = await edge.request('GET', '/readyz');
      expect(text).to.not.include('hush');
      const { status: whole, checks } = json.data as { status: string; checks: { name: string; status: string }[] };
      return [status, whole, ...checks.map((check) => `${check.name} ${check.status}`)];
    };
    expect(await ready()).to.deep.equal([200, 'ok', 'log ok', 'bus ok']);
    failing.add('bus');
    await eventually('it is degraded', async () => (await ready())[1] === 'degraded');
    expect((await ready())[0]).to.equal(200);
    failing.add('log');
    await eventually('it fails', async () => (await ready())[1] === 'failing');
    expect(await ready()).to.deep.equal([503, 'failing', 'log failing', 'bus failing']);
  });

  it('/metrics tells durations by route, what is collected, and about the process', async () => {
    await edge.request('GET', '/api/v1/labels');
    await edge.request('GET', '/api/v1/labels?page=0');
    await edge.request('GET', '/nowhere');
    const { status, headers, text } = await edge.request('GET', '/metrics');
    expect([status, headers['content-type']]).to.deep.equal([200, 'text/plain; version=0.0.4; charset=utf-8']);
    for (const [route, code] of [
      ['/api/v1/labels', 200],
      ['/api/v1/labels', 400],
      ['(none)', 404],
    ] as const) {
      expect(text).to.include(`http_request_duration_seconds_count{route="${route}",method="GET",status="${code}"} 1`);
    }
    expect(text).to.include('cartulary_lag_events{projection="orders"} 3');
    expect(text).to.match(/process_resident_memory_bytes \d+/);
    expect(text).to.not.match(/cartulary_broken \d/);
  });

  it('/docs shows Swagger UI from here alone, with nothing inline', async () => {
    const page = await edge.request('GET', '/docs');
    expect(page.status).to.equal(200);
    expect(page.headers['content-security-policy']).to.include("script-src 'self'").and.not.include('http');
    expect(page.text).to.not.match(/<script(?![^>]*src=)|\son\w+=/);
    const links = [...page.text.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, link]) => String(link));
    expect(links).to.have.length(4);
    for (const link of links) {
      const file = await edge.request('GET', link);
      expect([link, file.status]).to.deep.equal([link, 200]);
      expect(file.headers['x-content-type-options']).to.equal('nosniff');
    }
    expect((await edge.request('GET', '/docs/assets/package.json')).status).to.equal(404);
    expect((await edge.request('GET', '/docs/assets/..%2fpackage.json')).status).to.equal(404);
    const moved = await edge.request('GET', '/api/v1/docs');
    expect([moved.status, moved.headers.location]).to.deep.equal([308, '/docs']);
  });

  it('/openapi.json is the specification', async () => {
    const [own, other] = [await edge.request('GET', '/openapi.json'), await edge.request('GET', '/docs/swagger.json')];
    expect(own.json)
      .to.deep.equal(other.json)
      .and.to.deep.equal(JSON.parse(JSON.stringify(edge.app.openapi)));
    expect(own.json.openapi).to.equal('3.1.0');
  });

  it('draining turns readiness off, closes what is idle, and lets what is in flight finish', async () => {
    const held = gate();
    stage.gate = held.promise;
    stage.ran = 0;
    const running = send(edge.url, 'POST', '/api/v1/accounts', { body: { amount: 1 } });
    await eventually('the command runs', () => stage.ran === 1);
    let drained = false;
    const draining = edge.app.drain(5_000).then(() => (drained = true));
    await eventually('nothing new is accepted', () =>
      send(edge.url, 'GET', '/readyz').then(
        () => false,
        () => true,
      ),
    );
    expect(drained).to.equal(false);
    stage.gate = undefined;
    held.open();
    const { status, headers } = await running;
    expect([status, headers.connection]).to.deep.equal([201, 'close']);
    await draining;
    expect(drained).to.equal(true);
  });
});

interface Operation {
  readonly operationId: string;
  readonly parameters?: readonly { readonly in?: string; readonly name?: string }[];
  readonly responses: object;
}

describe('the specification', () => {
  const routes = routesOf({ commands, queries });
  const document = openapiOf(routes, '1.2.3') as { paths: Record<string, Record<string, Operation>> };
  const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
  );

  for (const [name, of] of [
    ['the example', routesOf(example)],
    ['the shop', routes],
  ] as const) {
    it(`is valid OpenAPI 3.1, for ${name}`, async () => {
      const { valid, errors } = await new Validator().validate(JSON.parse(JSON.stringify(openapiOf(of, '1'))));
      expect(errors ?? []).to.deep.equal([]);
      expect(valid).to.equal(true);
    });
  }

  it('has every route of the router, and no other', () => {
    const specified = operations
      .filter(({ path }) => path.startsWith(`${BASE_PATH}/`))
      .map(
        ({ path, method }) => `${method.toUpperCase()} ${path.slice(BASE_PATH.length).replace(/\{(\w+)\}/g, ':$1')}`,
      );
    const routed = routes.map(({ method, path }) => `${method} ${path}`);
    expect(specified.sort()).to.deep.equal(routed.sort());
    expect(routed.length).to.be.above(20);
  });

  it('names each operation once and says of each who may call it', () => {
    const ids = operations.map(({ operation }) => operation.operationId);
    expect(new Set(ids).size).to.equal(ids.length);
    for (const { path, operation } of operations) expect(operation, path).to.have.property('security');
  });

  it('declares the parameters of each path and the problems that each route may answer', () => {
    for (const { path, operation } of operations) {
      const named = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
      const declared = (operation.parameters ?? []).filter((parameter) => parameter.in === 'path');
      expect(
        declared.map((parameter) => parameter.name),
        path,
      ).to.deep.equal(named);
      if (path.startsWith(BASE_PATH))
        expect(operation.responses, path).to.include.keys('400', '401', '429', '500', '503', '504');
    }
  });
});
