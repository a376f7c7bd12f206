import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import { commands } from '../../src/commands/index.ts';
import { BASE_PATH, routesOf, type ApiRoute } from '../../src/http/api/api.ts';
import { paramsOf } from '../../src/http/api/router.ts';
import { queries } from '../../src/queries/index.ts';
import { openEdge, type Edge, type Wrong } from './edge.ts';

const contracts = { commands, queries };
const routes = routesOf(contracts);

interface Schema {
  readonly type?: unknown;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: unknown;
  readonly items?: Schema;
  readonly anyOf?: readonly Schema[];
}

/** The objects in a schema that accept fields that they do not name. */
function openObjects(schema: Schema, at: string): string[] {
  const inner = [
    ...Object.entries(schema.properties ?? {}).flatMap(([name, one]) => openObjects(one, `${at}.${name}`)),
    ...(schema.items === undefined ? [] : openObjects(schema.items, `${at}[]`)),
    ...(schema.anyOf ?? []).flatMap((one) => openObjects(one, at)),
  ];
  return schema.type === 'object' && schema.additionalProperties !== false ? [at, ...inner] : inner;
}

const swapped = (name: string): string => name.slice(1, 2) + name.slice(0, 1) + name.slice(2);

describe('a field that a route does not know', function () {
  this.timeout(20_000);
  let edge: Edge;
  before(async () => {
    edge = await openEdge({ contracts });
  });
  after(() => edge.close());

  const tokenFor = ({ contract: { access } }: ApiRoute): string | undefined => {
    if (access === 'anyone') return undefined;
    return edge.token({ role: access === 'user' ? 'buyer' : (access[0] as 'buyer') });
  };
  const pathOf = ({ path }: ApiRoute): string =>
    BASE_PATH + paramsOf(path).reduce((so, name) => so.replace(`:${name}`, randomUUID()), path);
  async function errorsFrom(route: ApiRoute, search: string, body?: unknown): Promise<Record<string, string>> {
    const token = tokenFor(route);
    const asked = { ...(body === undefined ? {} : { body }), ...(token === undefined ? {} : { token }) };
    const { status, json } = await edge.request(route.method, `${pathOf(route)}${search}`, asked);
    expect(status, `${route.method} ${route.path}${search}`).to.equal(400);
    const { errors } = json as { errors: readonly Wrong[] };
    return Object.fromEntries(errors.map(({ field = '', message }) => [field, message]));
  }

  it('is refused by its name in the query of every route, commands too', async () => {
    for (const route of routes) {
      const { colour } = await errorsFrom(route, '?colour=red');
      expect(colour, `${route.method} ${route.path}`).to.match(/^colour is not a known query parameter: /);
    }
  });

  it('is refused by its name in the body of every command', async () => {
    // An upload is no JSON; laws/pictures sends it other fields.
    const withBody = routes.filter(({ kind, contract }) => kind === 'command' && !('upload' in contract));
    for (const route of withBody) {
      const { colour } = await errorsFrom(route, '', { colour: 'red' });
      expect(colour, `${route.method} ${route.path}`).to.match(/^colour is not a known field: /);
    }
  });

  it('is told the field that was meant, in every query and body that has fields', async () => {
    let told = 0;
    for (const route of routes) {
      const { contract } = route;
      const schema =
        ('body' in contract ? contract.body : undefined) ?? ('query' in contract ? contract.query : undefined);
      const [name] = Object.keys(schema?.properties ?? {}).filter((one) => one.length > 3);
      if (name === undefined) continue;
      const slip = swapped(name);
      const errors = await (route.kind === 'command'
        ? errorsFrom(route, '', { [slip]: 1 })
        : errorsFrom(route, `?${slip}=1`));
      expect(errors[slip], `${route.method} ${route.path}`).to.match(
        new RegExp(`^${slip} is not a known (?:field|query parameter): did you mean ${name}\\?$`),
      );
      told += 1;
    }
    expect(told).to.be.greaterThan(20);
  });

  it('is refused in the objects inside a body too', () => {
    for (const { contract, method, path } of routes) {
      const inputs = [contract.params, 'body' in contract ? contract.body : undefined];
      if ('query' in contract) inputs.push(contract.query);
      const open = inputs.flatMap((schema) => (schema === undefined ? [] : openObjects(schema as Schema, 'input')));
      expect(open, `${method} ${path}`).to.deep.equal([]);
    }
  });

  it('is refused as the body of a request that takes none', async () => {
    for (const route of routes.filter(({ kind }) => kind === 'query')) {
      const errors = await errorsFrom(route, '', { status: 'paid' });
      expect(errors[''], `${route.method} ${route.path}`).to.equal('A GET takes no body.');
    }
  });
});
