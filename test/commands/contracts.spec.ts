import { Ajv2020 } from 'ajv/dist/2020.js';
import formats from 'ajv-formats';
import { expect } from 'chai';
import { Type, type TSchema } from 'typebox';
import type { CommandContract } from '../../src/commands/contract.ts';
import { commands } from '../../src/commands/index.ts';
import { createApi } from '../../src/http/api/api.ts';
import type { EndpointDeps } from '../../src/http/api/endpoint.ts';
import { CODES } from '../../src/http/api/problem.ts';
import { createRouter, type RouteEntry } from '../../src/http/api/router.ts';
import { withoutLimit } from '../../src/http/api/bounds.ts';
import { bodyCheck, resultCheck, textCheck, type Check } from '../../src/http/api/validate.ts';
import { queries } from '../../src/queries/index.ts';

const Closed = <P extends Parameters<typeof Type.Object>[0]>(properties: P) =>
  Type.Object(properties, { additionalProperties: false });

describe('routes', () => {
  const route = (method: 'GET' | 'POST', path: string): RouteEntry<string> => ({
    method,
    path,
    value: `${method} ${path}`,
  });
  const router = createRouter([
    route('GET', '/users/me'),
    route('GET', '/users/:id'),
    route('GET', '/users/:id/orders'),
    route('POST', '/users/me/password'),
    route('GET', '/users/:id/orders/:order_id'),
    route('POST', '/users/:id'),
  ]);
  const match = (method: string, path: string): unknown[] => {
    const found = router.match(method, path);
    if (found.outcome === 'found') return [found.value, ...found.params];
    return found.outcome === 'otherMethods' ? [...found.allow] : [];
  };

  it('prefer words to names, and try names where words lead nowhere', () => {
    expect(match('GET', '/users/me')).to.deep.equal(['GET /users/me']);
    expect(match('GET', '/users/7')).to.deep.equal(['GET /users/:id', '7']);
    expect(match('GET', '/users/me/orders')).to.deep.equal(['GET /users/:id/orders', 'me']);
    expect(match('GET', '/users/7/orders/8')).to.deep.equal(['GET /users/:id/orders/:order_id', '7', '8']);
  });

  it('know which methods a path allows', () => {
    expect(match('DELETE', '/users/7')).to.deep.equal(['GET', 'HEAD', 'OPTIONS', 'POST']);
    expect(match('HEAD', '/users/7')).to.deep.equal(['GET /users/:id', '7']);
    expect(match('GET', '/users/me/password')).to.deep.equal(['OPTIONS', 'POST']);
  });

  it('take one slash at the end and nothing empty in between', () => {
    expect(match('GET', '/users/7/')).to.deep.equal(['GET /users/:id', '7']);
    for (const path of ['/users//', '/users', '/', '', '/users/7//', '//users/7', '/Users/7']) {
      expect(match('GET', path), path).to.deep.equal([]);
    }
  });

  it('are declared once', () => {
    expect(() => createRouter([route('GET', '/a/:x'), route('GET', '/a/:y')])).to.throw('GET /a/:y is declared twice');
    expect(() => createRouter([route('GET', '/a//b')])).to.throw('is not a segment');
  });
});

describe('a contract', () => {
  const deps = { checkResults: false } as EndpointDeps;
  const command = (changes: Partial<CommandContract>): CommandContract => ({
    name: 'Do',
    summary: 'Do it',
    tag: 'things',
    route: 'POST /things',
    access: 'anyone',
    result: Type.Null(),
    run: () => Promise.resolve({ data: null }),
    ...changes,
  });
  const boot = (...commands: CommandContract[]): unknown => createApi({ commands, queries: [] }, deps);

  it('that is whole boots', () => {
    expect(() => boot(command({}))).to.not.throw();
  });

  it('says who may call it', () => {
    expect(() => boot(command({ access: undefined as never }))).to.throw('does not say who may call it');
  });

  it('has a route and a name of its own', () => {
    expect(() => boot(command({}), command({ name: 'Other' }))).to.throw('POST /things is declared twice');
    expect(() => boot(command({}), command({ route: 'POST /others' }))).to.throw('Two contracts are named Do');
    expect(() => boot(command({ route: 'GET /things' }))).to.throw('cannot answer GET');
  });

  it('declares the parameters of its path', () => {
    const params = Closed({ id: Type.String({ format: 'uuid' }) });
    expect(() => boot(command({ route: 'POST /things/:id' }))).to.throw('its path has "id"');
    expect(() => boot(command({ params }))).to.throw('declares the parameters "id"');
    expect(() => boot(command({ route: 'POST /things/:id', params }))).to.not.throw();
  });

  it('limits all that comes in', () => {
    const bodies = {
      'name accepts text of any length': Closed({ name: Type.String() }),
      'names[] accepts text of any length': Closed({ names: Type.Array(Type.String(), { maxItems: 2 }) }),
      'names accepts any number of items': Closed({ names: Type.Array(Type.Boolean()) }),
      ' accepts unknown fields': Type.Object({}),
      'inner accepts unknown fields': Closed({ inner: Type.Object({}) }),
      'any accepts anything': Closed({ any: Type.Any() }),
      'one accepts text of any length': Closed({ one: Type.Union([Type.Null(), Type.String()]) }),
      'amount accepts any number': Closed({ amount: Type.Number({ minimum: 0 }) }),
      'count accepts any number': Closed({ count: Type.Integer({ minimum: 0, maximum: 2 ** 53 }) }),
      'map accepts unknown fields': Closed({ map: Type.Record(Type.String(), Type.Number()) }),
    };
    for (const [fault, body] of Object.entries(bodies)) {
      expect(withoutLimit(body), fault).to.include(fault.trim());
      expect(() => boot(command({ body })), fault).to.throw('sets no limit');
    }
    const bounded = Closed({
      id: Type.String({ format: 'uuid' }),
      kind: Type.Enum(['a', 'b']),
      one: Type.Union([Type.Null(), Type.String({ maxLength: 3 })]),
      lines: Type.Array(Closed({ quantity: Type.Integer({ minimum: 1, maximum: 9 }) }), { maxItems: 3 }),
    });
    expect(withoutLimit(bounded)).to.equal(undefined);
  });
});

describe('the schemas of the shop', () => {
  const metaschema = new Ajv2020();
  formats.default(metaschema);

  type Contract = (typeof commands)[number] | (typeof queries)[number];
  /** Each schema of a contract, with the check that the server makes of it, in strict mode, at the first request. */
  const schemasOf = (contract: Contract): [part: string, schema: TSchema | undefined, check: Check][] => {
    const body = 'body' in contract ? contract.body : undefined;
    const query = 'query' in contract ? contract.query : undefined;
    return [
      ['params', contract.params, textCheck(contract.params)],
      ['query', query, textCheck(query)],
      ['body', body, bodyCheck(body)],
      ['result', contract.result, resultCheck(contract.result)],
    ];
  };

  for (const contract of [...commands, ...queries]) {
    it(`of ${contract.name} are schemas, and compile`, () => {
      for (const [part, schema, check] of schemasOf(contract)) {
        if (schema === undefined) continue;
        expect(metaschema.validateSchema(schema), `${part}: ${metaschema.errorsText()}`).to.equal(true);
        expect(() => check({}), part).to.not.throw();
      }
    });
  }
});

describe('the commands that may end sessions', () => {
  it('say so, for their answers wait until this process refuses the tokens', () => {
    const revoking = commands.filter(({ revokes }) => revokes === true).map(({ name }) => name);
    expect(revoking).to.have.members([
      ...['EraseMe', 'EraseUser', 'DisableSecondFactorOf'],
      ...['EndSession', 'EndOtherSessions'],
      ...['RefreshTokens', 'LogOut', 'ChangePassword', 'ChangeRole', 'DeactivateUser', 'ResetPassword', 'ChangeEmail'],
      ...['EnableSecondFactorAtLogin', 'EnableSecondFactor', 'DisableSecondFactor', 'RenewRecoveryCodes'],
    ]);
  });
});

describe('validation', () => {
  it('fills in and coerces what comes as text, and leaves bodies as they are', () => {
    const schema = Closed({ page: Type.Integer({ default: 1 }), on: Type.Optional(Type.Boolean()) });
    const args: Record<string, unknown> = { on: 'true' };
    expect(textCheck(schema)(args)).to.deep.equal([]);
    expect(args).to.deep.equal({ page: 1, on: true });
    expect(bodyCheck(schema)({ page: '1' }).map(({ field }) => field)).to.deep.equal(['page']);
    expect(bodyCheck(schema)({}).map(({ field }) => field)).to.deep.equal(['page']);
  });

  it('brings every id and instant to its one form, however deep it is', () => {
    const id = { format: 'uuid' } as const;
    const schema = Closed({
      id: Type.String(id),
      none: Type.Union([Type.String(id), Type.Null()]),
      lines: Type.Array(Closed({ id: Type.String(id) }), { maxItems: 2 }),
      at: Type.String({ format: 'date-time', maxLength: 40 }),
      name: Type.String({ maxLength: 40 }),
    });
    const [upper, lower] = ['0197F2E4-6C1B-7C3E-9B1A-0A1B2C3D4E5F', '0197f2e4-6c1b-7c3e-9b1a-0a1b2c3d4e5f'];
    for (const check of [bodyCheck(schema), textCheck(schema)]) {
      const value = { id: upper, none: upper, lines: [{ id: upper }], at: '2026-03-01T13:00:00+01:00', name: upper };
      expect(check(value)).to.deep.equal([]);
      expect(value).to.deep.equal({
        ...{ id: lower, none: lower, lines: [{ id: lower }], at: '2026-03-01T12:00:00.000Z', name: upper },
      });
    }
  });

  it('takes no other fields where no schema is declared', () => {
    expect(bodyCheck(undefined)({})).to.deep.equal([]);
    const message = 'a is not a known field: none is known here';
    expect(bodyCheck(undefined)({ a: 1 })[0]).to.include({ field: 'a', message });
    expect(bodyCheck(undefined)([])[0]).to.include({
      message: 'The body must be an object without fields, but it is a list.',
    });
  });

  it('takes time in proportion to any input', () => {
    const schema = Closed({
      email: Type.String({ format: 'email', maxLength: 50_000 }),
      when: Type.String({ format: 'date-time', maxLength: 50_000 }),
      link: Type.String({ format: 'uri', maxLength: 50_000 }),
    });
    const check = bodyCheck(schema);
    for (const text of [
      'a'.repeat(50_000),
      `${'a.'.repeat(25_000)}@`,
      '1'.repeat(50_000),
      `http://${'a:'.repeat(20_000)}`,
    ]) {
      const startedAt = performance.now();
      check({ email: text, when: text, link: text });
      expect(performance.now() - startedAt, text.slice(0, 5)).to.be.below(200);
    }
  });
});

describe('the error codes', () => {
  it('have the statuses of the REST contract', () => {
    expect(Object.fromEntries(Object.entries(CODES).map(([code, { status }]) => [code, status]))).to.deep.equal({
      VALIDATION_ERROR: 400,
      EMPTY_CART: 400,
      LINK_INVALID: 400,
      INVALID_STATUS: 400,
      UNAUTHORIZED: 401,
      FORBIDDEN: 403,
      EMAIL_NOT_VERIFIED: 403,
      SECOND_FACTOR_REQUIRED: 403,
      NOT_FOUND: 404,
      METHOD_NOT_ALLOWED: 405,
      CONFLICT: 409,
      INSUFFICIENT_STOCK: 409,
      PRECONDITION_FAILED: 412,
      PAYLOAD_TOO_LARGE: 413,
      UNSUPPORTED_MEDIA_TYPE: 415,
      IDEMPOTENCY_KEY_REUSED: 422,
      PAGE_TOO_DEEP: 422,
      RATE_LIMITED: 429,
      INTERNAL_ERROR: 500,
      SERVICE_UNAVAILABLE: 503,
      REQUEST_TIMEOUT: 504,
    });
  });
});
