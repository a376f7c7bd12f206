import { Ajv2020 } from 'ajv/dist/2020.js';
import formats from 'ajv-formats';
import { expect } from 'chai';
import { commands } from '../../src/commands/index.ts';
import { exampleOf } from '../../src/http/api/examples.ts';
import { plain } from '../../src/http/api/openapiSchemas.ts';
import { bodyCheck, textCheck } from '../../src/http/api/validate.ts';
import { queries } from '../../src/queries/index.ts';
import { judgeBy, specificationOf } from '../support/specification.ts';

const LEAST = 11;
const document = specificationOf({ passwordMinLength: LEAST });

interface Content {
  readonly schema: object;
  readonly example?: unknown;
  readonly examples?: Readonly<Record<string, { readonly $ref: string }>>;
}
interface Whole {
  readonly parameters: readonly {
    readonly name?: string;
    readonly in?: string;
    readonly required?: boolean;
    readonly schema?: object;
    readonly example?: unknown;
  }[];
  readonly requestBody?: { readonly content: Readonly<Record<string, Content>> };
  readonly responses: Readonly<Record<string, { readonly content?: Readonly<Record<string, Content>> }>>;
}
const operations = Object.entries(document.paths)
  .filter(([path]) => path.startsWith('/api/'))
  .flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, one]) => ({ name: `${method} ${path}`, operation: one as unknown as Whole })),
  );

const ajv = new Ajv2020({ strict: false, allErrors: true });
formats.default(ajv);
ajv.addSchema({ ...document, $id: 'openapi.json' });
const faultsOf = (schema: object, value: unknown): string => {
  const pointed = JSON.parse(JSON.stringify(schema).replaceAll('"$ref":"#/', '"$ref":"openapi.json#/')) as object;
  return ajv.validate(pointed, value) ? '' : ajv.errorsText();
};

describe('the specification of the shop', function () {
  this.timeout(30_000);
  it('has an example of every parameter, body and success, which its own schema accepts', () => {
    for (const { name, operation } of operations) {
      for (const parameter of operation.parameters.filter((one) => one.name !== undefined && one.in !== 'header')) {
        expect(parameter, `${name} ${parameter.name}`).to.have.property('example');
        expect(faultsOf(parameter.schema!, parameter.example), `${name} ${parameter.name}`).to.equal('');
      }
      const contents = [
        operation.requestBody?.content,
        ...Object.values(operation.responses).map((one) => one.content),
      ];
      for (const content of contents.flatMap((one) => Object.values(one ?? {}))) {
        if (content.examples !== undefined) {
          expect(Object.keys(content.examples), name).to.not.deep.equal([]);
          continue;
        }
        expect(content, name).to.have.property('example');
        expect(faultsOf(content.schema, content.example), name).to.equal('');
      }
    }
  });

  it('makes up no example', () => {
    const madeUp = new Set<string>();
    for (const contract of [...commands, ...queries]) {
      const parts = [contract.result, 'body' in contract ? contract.body : undefined];
      if ('query' in contract) parts.push(contract.query);
      for (const part of parts) {
        if (part !== undefined) exampleOf(plain(part), [contract.name], (path) => madeUp.add(path));
      }
    }
    expect([...madeUp], 'give each a line in examples.ts').to.deep.equal([]);
  });

  it('requires exactly the parameters and fields that the code requires', () => {
    for (const contract of [...commands, ...queries]) {
      const [method = '', path = ''] = contract.route.split(' ');
      const operation = operations.find(
        ({ name }) => name === `${method.toLowerCase()} /api/v1${path.replaceAll(/:(\w+)/g, '{$1}')}`,
      )!.operation;
      const body = 'body' in contract ? contract.body : undefined;
      const query = 'query' in contract ? contract.query : undefined;
      const missing = (bodyCheck(body)({}) as readonly { field?: string }[]).map(({ field }) => field);
      if (body !== undefined) {
        const schema = document.components.schemas[`${contract.name}Body`] as { required?: readonly string[] };
        expect([...(schema.required ?? [])].sort(), contract.name).to.deep.equal([...missing].sort());
      }
      const lacking = (textCheck(query)({}) as readonly { field?: string }[]).map(({ field }) => field);
      const required = operation.parameters.filter((one) => one.in === 'query' && one.required === true);
      expect(
        required.map((one) => one.name),
        contract.name,
      ).to.deep.equal(lacking);
    }
  });

  it('names its schemas', () => {
    expect(document.components.schemas).to.include.keys(
      'Product',
      'Order',
      'Cart',
      'PlaceOrderBody',
      'Problem',
      'User',
    );
    for (const { name, operation } of operations) {
      const body = operation.requestBody?.content['application/json']?.schema;
      if (body !== undefined) expect(body, name).to.have.all.keys('$ref');
    }
  });

  it('asks for the least length of a new password that the settings have', () => {
    expect(document.components.schemas['NewPassword']).to.include({ minLength: LEAST });
    for (const name of ['RegisterUserBody', 'ChangePasswordBody']) {
      expect(JSON.stringify(document.components.schemas[name])).to.contain('#/components/schemas/NewPassword');
    }
  });

  it('is what answers are judged by: status, headers and body', () => {
    const judge = judgeBy(document);
    const answer = (status: number, headers: Record<string, string>, body: unknown) =>
      judge({ method: 'GET', path: '/cart', status, header: (name) => headers[name] ?? null, body });
    const sent = { 'X-Request-ID': 'a', 'Projection-Position': '1', 'content-type': 'application/json' };
    const meta = { request_id: 'a', timestamp: '2026-03-01T12:00:00.000Z' };
    const cart = { items: [], total: 0, currency: 'USD', updated_at: null };
    expect(answer(200, sent, { data: cart, meta })).to.deep.equal([]);
    expect(answer(418, sent, {})).to.have.length(1);
    expect(answer(200, { ...sent, Location: '/' }, { data: cart, meta }).join()).to.contain('Location');
    expect(answer(200, { ...sent, 'Projection-Position': undefined as never }, { data: cart, meta })).to.have.length(1);
    expect(answer(200, sent, { data: { ...cart, colour: 1 }, meta })).to.have.length(1);
  });
});
