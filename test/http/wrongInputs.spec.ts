import { expect } from 'chai';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import type { TObject } from 'typebox';
import { formsOf } from '../../src/commands/forms.ts';
import type { Services } from '../../src/commands/contract.ts';
import { commands } from '../../src/commands/index.ts';
import { AdminForm } from '../../src/compose/admin.ts';
import { RowSchema } from '../../src/cli/productRow.ts';
import { exampleOf } from '../../src/http/api/examples.ts';
import type { InputSchema } from '../../src/http/api/expected.ts';
import { plain } from '../../src/http/api/openapiSchemas.ts';
import { bodyCheck, type Check, textCheck } from '../../src/http/api/validate.ts';
import { queries } from '../../src/queries/index.ts';

const SRC = path.resolve(import.meta.dirname, '../../src');
const METHODS = ['card', 'invoice'];
const forms = formsOf({
  currency: 'EUR',
  paymentMethods: METHODS,
  passwordMinLength: 10,
  phoneDefaultCountry: undefined,
});

type Path = readonly string[];
/** A text that no message may repeat. */
const SECRET = 'S3cret~';
const LEFT_OUT = Symbol('left out');
const MESSAGE_CHARS_MAX = 400;

interface Field {
  readonly path: Path;
  readonly schema: InputSchema;
  readonly required: boolean;
}

/** Every field of an input, those inside objects and lists too. */
function fieldsOf(schema: InputSchema, at: Path = []): Field[] {
  const parts = [schema, ...(schema.anyOf ?? [])];
  return parts.flatMap(({ properties = {}, required = [], items }) => [
    ...Object.entries(properties).flatMap(([name, inner]) => [
      { path: [...at, name], schema: inner, required: required.includes(name) },
      ...fieldsOf(inner, [...at, name]),
    ]),
    ...(items === undefined
      ? []
      : [{ path: [...at, '0'], schema: items, required: false }, ...fieldsOf(items, [...at, '0'])]),
  ]);
}

/** The example with one part exchanged. Objects on the way are made where the example has something else. */
function withPart(schema: InputSchema, example: unknown, [name, ...rest]: Path, value: unknown): unknown {
  if (name === undefined) return value;
  const { properties, items } = [schema, ...(schema.anyOf ?? [])].find((one) => one.properties ?? one.items)!;
  const isOther = typeof example !== 'object' || example === null;
  const whole = isOther ? exampleOf({ type: 'object', properties } as never, ['Input']) : example;
  if (Array.isArray(whole)) return [withPart(items!, whole[0], rest, value)];
  const { [name]: before, ...others } = whole as Record<string, unknown>;
  const part = withPart(properties![name]!, before, rest, value);
  return part === LEFT_OUT ? others : { ...others, [name]: part };
}

interface Input {
  readonly name: string;
  readonly schema: TObject;
  readonly check: Check;
  readonly isText: boolean;
}

const ofBody = (name: string, schema: TObject): Input => ({
  ...{ name, schema, check: bodyCheck(schema, forms), isText: false },
});
const ofText = (name: string, schema: TObject): Input => ({
  ...{ name, schema, check: textCheck(schema, forms), isText: true },
});

const inputs: readonly Input[] = [
  ...commands.flatMap(({ name, body, params }) => [
    ...(body === undefined ? [] : [ofBody(name, body)]),
    ...(params === undefined ? [] : [ofText(name, params)]),
  ]),
  ...queries.flatMap(({ name, params, query }) =>
    [params, query].flatMap((schema) => (schema === undefined ? [] : [ofText(name, schema)])),
  ),
  ofBody('a row of a CSV file', RowSchema),
  ofBody('an administrator', AdminForm),
];

/** Of each kind, too short, too long, too small, too large, of another form. */
const wrongValues = ({ isText }: Input, { required }: Field): unknown[] =>
  isText
    ? ['', SECRET, 'x'.repeat(6_000), '-1', '1e400', '99999999999999999999']
    : [
        ...['', SECRET, '   ', 'x'.repeat(6_000), 7.5, -1, 1e15, true, null, [], [SECRET], {}, { [SECRET]: SECRET }],
        ...(required ? [LEFT_OUT] : []),
      ];

const inWords = (at: Path): string => at.join('.').replaceAll(/\.(\d+)/g, '[$1]');

/** The parts of the form that a message must have. Made from the schema here, so that nothing in it is taken from the code under test. */
function mustHave({ title = '', anyOf, ...schema }: InputSchema): RegExp[] {
  if (['Price', 'Amount', 'PriceLimit'].includes(title)) return [/an amount of money .*2 decimals, such as 19\.90/];
  if (title === 'PaymentMethod') return [/one of card, invoice/];
  if (title === 'NewPassword') return [/at least 10 characters/];
  if (anyOf !== undefined) return anyOf.flatMap(mustHave);
  if (schema.enum !== undefined) return [new RegExp(`one of ${schema.enum.join(', ')}`)];
  const example = {
    ...{ uuid: /such as [0-9a-f]{8}-/, 'date-time': /such as \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ/ },
    ...{ email: /such as \S+@\S+/ },
  }[schema.format ?? ''];
  if (example !== undefined) return [example];
  if (/0-9/.test(schema.pattern ?? '')) return [/phone number of 7 to 15 digits.*such as \+/];
  const limits = [schema.minimum, schema.maximum, schema.maxLength, schema.maxItems];
  return limits.flatMap((limit) => (limit === undefined ? [] : [new RegExp(` ${limit}\\b`)]));
}

/** The faults that a person would find in a message. */
function faultsOf(message: string, { path: at, schema }: Field, value: unknown): string[] {
  const told: readonly (readonly [fault: string, holds: boolean])[] = [
    ['does not begin with the field', !message.startsWith(`${inWords(at)} `)],
    ['does not say what it must be', !/ (?:must|it must) be /.test(message)],
    ['lacks a part of the form', !mustHave(schema).every((part) => part.test(message))],
    ['shows a pattern', /[\\^$*|]|\[(?!\d+\])|\?/.test(message)],
    [
      'is in the words of the validator',
      /expected form|must be an? (?:null|string|integer|valid)|\bNOT\b/.test(message),
    ],
    ['is more than one sentence', /\.\s|\.$|\n/.test(message)],
    ['says "or must"', / or must /.test(message)],
    ['repeats the value', message.includes(SECRET)],
    ['is too long', message.length > MESSAGE_CHARS_MAX],
    ['does not say that it is missing', value === LEFT_OUT && !message.includes('is missing')],
  ];
  return told.filter(([, holds]) => holds).map(([fault]) => `${fault}: ${message}`);
}

describe('the message about a wrong input', () => {
  for (const input of inputs) {
    it(`names the field and says its form, in the ${input.isText ? 'text' : 'body'} of ${input.name}`, () => {
      const schema = input.schema as InputSchema;
      const example = exampleOf(plain(schema), [input.name]);
      for (const field of fieldsOf(schema)) {
        let refused = 0;
        for (const value of wrongValues(input, field)) {
          const errors = input.check(withPart(schema, structuredClone(example), field.path, value));
          for (const { message } of errors.filter((one) => one.field === field.path.join('.'))) {
            expect(faultsOf(message, field, value), input.name).to.deep.equal([]);
            refused += 1;
          }
        }
        expect(refused, `${input.name}.${field.path.join('.')}`).to.be.greaterThan(0);
      }
    });
  }

  const body = (name: string): Check => bodyCheck(commands.find((one) => one.name === name)!.body, forms);
  const query = (name: string): Check => textCheck(queries.find((one) => one.name === name)!.query, forms);
  const told = (check: Check, value: unknown): string[] => check(value).map(({ message }) => message);
  const PHONE = 'a phone number of 7 to 15 digits with its country code, such as +44 20 7946 0018';
  const LINE = 'text of 1 to 200 characters, not only spaces';

  it('is a sentence that a person understands', () => {
    expect(told(body('UpdateProfile'), { phone: 'call me' })).to.deep.equal([`phone must be ${PHONE}, or null`]);
    expect(told(body('UpdateProfile'), { phone: '' })).to.deep.equal([
      `phone must be ${PHONE}, or null, but it is empty`,
    ]);
    expect(told(body('UpdateProfile'), { phone: 7, name: '' })).to.have.members([
      `phone must be ${PHONE}, or null, but it is a number`,
      `name must be ${LINE}, but it is empty`,
    ]);
    expect(told(body('RequestPayment'), { method: 'Cash!' })).to.deep.equal([
      'order_id is missing: it must be an id such as 0197f2e4-6c1b-7c3e-9b1a-0a1b2c3d4e05',
      'method must be one of card, invoice',
    ]);
    const line = { product_id: '0197f2e4-6c1b-7c3e-9b1a-0a1b2c3d4e05', quantity: 2 };
    const order = { shipping_address: { line1: '1 Harbour Street', country: 'IE' } };
    const items = [line, line, { ...line, quantity: '2' }, { ...line, quantity: 1.5 }];
    expect(told(body('PlaceOrder'), { ...order, items })).to.deep.equal([
      'shipping_address.city is missing: it must be text of 1 to 100 characters, not only spaces',
      'items[2].quantity must be a whole number from 1 to 999, but it is text',
      'items[3].quantity must be a whole number from 1 to 999, but it has a fraction',
    ]);
    expect(
      told(body('PlaceOrder'), { shipping_address: 'x', items: Array.from({ length: 51 }, () => line) }),
    ).to.deep.equal([
      'items must be a list of at most 50 items, each an object with product_id and quantity, but it has 51 items',
    ]);
    expect(told(query('ListProducts'), { min_price: 'cheap', page: '0', in_stock: 'yes' })).to.have.members([
      'min_price must be an amount of money in EUR of at least 0 and at most 1000000000, with at most 2 decimals, such as 19.90',
      'page must be a whole number from 1 to 1000000000000',
      'in_stock must be true or false',
    ]);
    expect(told(query('GetOrder'), { as_of: 'yesterday' })).to.deep.equal([
      'as_of must be an instant such as 2026-01-31T12:00:00Z',
    ]);
  });

  it('names an unknown field, and the one that was meant or those that there are', () => {
    expect(told(body('AddCartItem'), [])).to.deep.equal([
      'The body must be an object with product_id and quantity, but it is a list.',
    ]);
    const item = { product_id: '0197f2e4-6c1b-7c3e-9b1a-0a1b2c3d4e05', quantity: 2 };
    expect(told(body('AddCartItem'), { ...item, quantty: 2, colour: 1 })).to.deep.equal([
      'quantty is not a known field: did you mean quantity?',
      'colour is not a known field: there are product_id, quantity',
    ]);
    const [long] = told(body('AddCartItem'), { ...item, ['x'.repeat(9_000)]: 2 });
    expect(long).to.have.length.below(200);
    expect(told(query('ListProducts'), { colour: 'red' })[0]).to.match(
      /^colour is not a known query parameter: there are page, /,
    );
    expect(told(textCheck(undefined), { colour: 'red' })).to.deep.equal([
      'colour is not a known query parameter: none is known here',
    ]);
  });

  it('tells of an unknown payment method together with all else that is wrong', () => {
    const services = { settings: { paymentMethods: METHODS } } as unknown as Services;
    for (const [name, field] of [
      ['PlaceOrder', 'payment_method'],
      ['RequestPayment', 'method'],
    ] as const) {
      const command = commands.find((one) => one.name === name)!;
      expect(() => command.check!({ [field]: 'cash' }, services), name).to.throw(
        `${field} must be one of card, invoice`,
      );
      expect(() => command.check!({ [field]: 'card' }, services), name).to.not.throw();
      expect(() => command.check!({}, services), name).to.not.throw();
    }
  });

  it('can be made for every input: a pattern or a format without words stops the start', () => {
    const of = (schema: object): TObject => ({ type: 'object', properties: { code: schema } }) as unknown as TObject;
    expect(() => bodyCheck(of({ type: 'string', pattern: '^x$' }))).to.throw('The form of code needs a description');
    expect(() => textCheck(of({ type: 'string', format: 'ipv4' }))).to.throw('The form of code needs a description');
    expect(() => bodyCheck(of({ type: 'array', items: { type: 'string', pattern: 'x' } }))).to.throw(
      'The form of code[]',
    );
    expect(() => bodyCheck(of({ type: 'string', pattern: '^x$', description: 'Of old.' }))).to.throw(
      'The form of code',
    );
    expect(() => bodyCheck(of({ type: 'string', pattern: '^x$', description: 'an x' }))).to.not.throw();
  });

  it('completes the sentence that begins with the field, wherever the code refuses one', () => {
    const files = readdirSync(SRC, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'));
    const reasons = files.flatMap((file) =>
      [...readFileSync(path.join(SRC, file), 'utf8').matchAll(/\b(?:invalid|fieldError)\(\s*[\w'.-]+,\s*['`]([^'`]*)/g)]
        .filter(([call]) => !call.startsWith('fieldError(undefined'))
        .map(([, reason]) => reason!),
    );
    expect(reasons.length).to.be.greaterThan(12);
    expect(reasons.filter((reason) => !/^(?:must|is|holds) /.test(reason) || reason.endsWith('.'))).to.deep.equal([]);
  });
});
