import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import type { TSchema } from 'typebox';
import { commands } from '../../src/commands/index.ts';
import { routesOf, type ApiRoute } from '../../src/http/api/api.ts';
import { queries } from '../../src/queries/index.ts';
import { freshDatabase, type TestDatabase } from '../support/database.ts';
import { jsonAt, numericFields, ODD_AMOUNTS, ODD_JSON, ODD_TEXTS } from '../support/oddNumbers.ts';
import { type Caller, type Json, serveShop } from '../support/shop.ts';

const ODD_POSITIONS = ODD_TEXTS.filter(
  (text) => text === text.trim() && /^[ -~]*$/.test(text) && text !== '9007199254740993',
);
const IF_MATCH_ANY = '';

describe('numbers that no database takes', function () {
  this.timeout(120_000);
  let database: TestDatabase;
  let shop: Awaited<ReturnType<typeof serveShop>>;
  let callers: Record<string, Caller>;
  let productId: string;
  const routes = routesOf({ commands, queries });

  before(async () => {
    database = await freshDatabase();
    shop = await serveShop(database.url);
    const { people } = shop;
    const [buyer, seller, admin] = [await people.buyer(), await people.seller(), await people.admin()];
    callers = { buyer, seller, admin };
    productId = await people.product(seller, await people.category());
  });
  after(async () => {
    await shop.stop();
    await database.drop();
  });

  const callerOf = ({ contract: { access } }: ApiRoute): Caller => {
    const role = Array.isArray(access) ? (access[0] as string) : 'buyer';
    return callers[role]!;
  };
  const pathOf = ({ path }: ApiRoute): string =>
    path.replaceAll(/:[a-z_]+/g, path.startsWith('/products/') ? productId : randomUUID());

  async function ask(
    route: ApiRoute,
    { search = '', json, headers = {} }: { search?: string; json?: string; headers?: Record<string, string> },
  ) {
    const caller = callerOf(route);
    const response = await fetch(`${shop.url}/api/v1${pathOf(route)}${search}`, {
      method: route.method,
      headers: { ...(json === undefined ? {} : { 'content-type': 'application/json' }), ...caller.headers, ...headers },
      ...(json === undefined ? {} : { body: json }),
    });
    const body = (await response.json()) as Json;
    return { status: response.status, fields: ((body.errors ?? []) as { field?: string }[]).map(({ field }) => field) };
  }

  const named = (route: ApiRoute): string => `${route.method} ${route.path}`;

  it('are refused in every query parameter, by name', async () => {
    const tried = [];
    for (const route of routes) {
      const schema = 'query' in route.contract ? (route.contract.query as TSchema | undefined) : undefined;
      for (const { path } of numericFields(schema)) {
        for (const text of ODD_TEXTS) {
          const { status, fields } = await ask(route, { search: `?${path[0]}=${encodeURIComponent(text)}` });
          expect([status, fields], `${named(route)}?${path[0]}=${text.slice(0, 40)}`).to.deep.equal([400, [path[0]]]);
        }
        tried.push(`${named(route)}?${path[0]}`);
      }
    }
    expect(tried).to.include.members(['GET /products?page', 'GET /products?min_price', 'GET /orders/:id?revision']);
  });

  it('are refused in every field of a body, by name', async () => {
    const tried = [];
    for (const route of routes) {
      const schema = 'body' in route.contract ? (route.contract.body as TSchema | undefined) : undefined;
      for (const { path, kind } of numericFields(schema)) {
        for (const json of kind === 'amount' ? ODD_AMOUNTS : ODD_JSON) {
          const { status, fields } = await ask(route, { json: jsonAt(path, json) });
          const what = `${named(route)} ${path.join('.')}: ${json.slice(0, 40)}`;
          expect(status, what).to.equal(400);
          expect(
            fields.some((field) => field?.startsWith(path.join('.'))),
            `${what} is named in ${fields.join()}`,
          ).to.equal(true);
        }
        tried.push(`${named(route)} ${path.join('.')}`);
      }
    }
    expect(tried).to.include.members([
      'POST /products price',
      'POST /products stock',
      'POST /orders items.0.quantity',
      'POST /payments/:id/refund amount',
    ]);
  });

  it('are refused in If-Match and Min-Position of every route', async () => {
    for (const route of routes) {
      const header = route.kind === 'command' ? 'If-Match' : 'Min-Position';
      for (const text of ODD_POSITIONS) {
        if (text === IF_MATCH_ANY && header === 'If-Match') continue;
        const { status, fields } = await ask(route, { headers: { [header]: text } });
        expect([status, fields.includes(header)], `${named(route)} ${header}: ${text.slice(0, 40)}`).to.deep.equal([
          400,
          true,
        ]);
      }
    }
  });

  it('begin beyond the bounds: the least and the greatest allowed number reach the database', async () => {
    for (const route of routes) {
      const schema = 'query' in route.contract ? (route.contract.query as TSchema | undefined) : undefined;
      for (const { path } of numericFields(schema)) {
        const { minimum, maximum } = (schema as Json).properties[path[0]!];
        for (const bound of [minimum ?? '0', maximum ?? '1000000000']) {
          const { status } = await ask(route, { search: `?${path[0]}=${bound}` });
          expect(status, `${named(route)}?${path[0]}=${bound}`).to.be.oneOf(
            path[0] === 'page' ? [200, 404, 422] : [200, 404],
          );
        }
      }
    }
  });

  it('end at the highest position: a higher one is refused, and that one waits in vain', async () => {
    const [first] = routes.filter(({ contract }) => contract.name === 'ListCategories');
    expect((await ask(first!, { headers: { 'Min-Position': '9223372036854775808' } })).status).to.equal(400);
    expect((await ask(first!, { headers: { 'Min-Position': '9223372036854775807' } })).status).to.equal(503);
    const [change] = routes.filter(({ contract }) => contract.name === 'UpdateProduct');
    const json = '{"name":"Quill"}';
    expect((await ask(change!, { json, headers: { 'If-Match': '"9223372036854775807"' } })).status).to.equal(412);
    expect((await ask(change!, { json, headers: { 'If-Match': '"9223372036854775808"' } })).status).to.equal(400);
  });
});
