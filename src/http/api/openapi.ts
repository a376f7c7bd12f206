import type { TObject } from 'typebox';
import type { CommandContract } from '../../commands/contract.ts';
import type { Revised } from '../../engine/decide/command.ts';
import { aliasesOf } from '../../engine/ask/paging.ts';
import type { QueryContract } from '../../engine/ask/query.ts';
import { takesKey } from './idempotency.ts';
import { type ApiRoute, BASE_PATH, isReadable } from './api.ts';
import { exampleOf } from './examples.ts';
import type { Forms } from './expected.ts';
import { componentsWith, META_EXAMPLE, PAGES, metaOf, parameterRef, problemExamples } from './openapiComponents.ts';
import { headersOf } from './openapiHeaders.ts';
import { createSchemaTable, plain, type Schema, schemaRef, type SchemaTable } from './openapiSchemas.ts';
import { uploadBody } from './openapiUpload.ts';
import { type Code, CODES } from './problem.ts';

type Json = Record<string, unknown>;

const EVERY_ROUTE: readonly Code[] = [
  'VALIDATION_ERROR',
  'UNAUTHORIZED',
  'RATE_LIMITED',
  'INTERNAL_ERROR',
  'SERVICE_UNAVAILABLE',
  'REQUEST_TIMEOUT',
];
const EVERY_COMMAND: readonly Code[] = [
  'CONFLICT',
  'PRECONDITION_FAILED',
  'PAYLOAD_TOO_LARGE',
  'UNSUPPORTED_MEDIA_TYPE',
  'IDEMPOTENCY_KEY_REUSED',
];
const COMMAND_PARAMETERS = ['IdempotencyKey', 'IfMatch', 'RequestId'];
const QUERY_PARAMETERS = ['MinPosition', 'IfNoneMatch', 'RequestId'];

/** Limits that the settings decide. */
export interface SpecificationSettings {
  readonly passwordMinLength: number;
  readonly forms?: Forms | undefined;
}

const templated = (path: string): string => path.replaceAll(/:([a-z0-9_]+)/gi, '{$1}');

/** A field with a default may be left out, although TypeBox counts it as required. */
const requiredOf = (schema: TObject | undefined): readonly string[] => {
  const { required = [], properties = {} } = plain(schema ?? {});
  return required.filter((name) => properties[name]?.default === undefined);
};

/** The source of one route's part of the document. */
interface Making {
  readonly route: ApiRoute;
  readonly schemas: SchemaTable;
  /** Whether a query answers at the path of what this command creates. */
  readonly readable: boolean;
}

function parametersOf({ route, schemas }: Making, schema: TObject | undefined, place: 'path' | 'query'): Parameter[] {
  return Object.entries(plain(schema ?? {}).properties ?? {}).map(([name, property]) => {
    const { description, ...rest } = property;
    const required = place === 'path' || requiredOf(schema).includes(name);
    const named = place === 'path' ? [subjectOf(route), name] : [route.contract.name, name];
    return {
      ...{ name, in: place, required, ...(description === undefined ? {} : { description }) },
      ...{ schema: schemas.referring(rest), example: exampleOf(rest, named) },
    };
  });
}

type Parameter = Json & { readonly name: string };

/** The other names of parameters. */
function aliasParameters({ route: { contract } }: Making, parameters: readonly Parameter[]): Parameter[] {
  const aliases = 'reads' in contract ? Object.entries(aliasesOf(contract)) : [];
  return aliases.flatMap(([alias, name]) =>
    parameters
      .filter((one) => one.name === name)
      .map((one) => ({ ...one, name: alias, deprecated: true, description: `Another name of \`${name}\`.` })),
  );
}

const SUBJECTS: Readonly<Record<string, string>> = {
  categories: 'Category',
  orders: 'Order',
  payments: 'Payment',
  products: 'Product',
  stores: 'Store',
};
/** The schema of the thing whose id is in a route's path. */
const subjectOf = ({ path }: ApiRoute): string => SUBJECTS[path.split('/')[1] ?? ''] ?? '';

/** Whether a route is refused to an administrator without the second factor that the settings can demand. */
export const needsFactor = ({ access, enrolment }: ApiRoute['contract']): boolean =>
  enrolment !== true && (access === 'user' || (access !== 'anyone' && access.includes('admin')));

export function codesOf({ contract, kind }: ApiRoute): Code[] {
  const codes = new Set<Code>(EVERY_ROUTE);
  if (Array.isArray(contract.access)) codes.add('FORBIDDEN');
  if (needsFactor(contract)) codes.add('SECOND_FACTOR_REQUIRED');
  if (contract.params !== undefined) codes.add('NOT_FOUND');
  if (kind === 'command') EVERY_COMMAND.forEach((code) => codes.add(code));
  if ('paginated' in contract && contract.paginated === true) codes.add('PAGE_TOO_DEEP');
  for (const code of contract.codes ?? []) {
    if (!Object.hasOwn(CODES, code)) throw new Error(`${contract.name} declares the unknown code ${code}.`);
    codes.add(code as Code);
  }
  return [...codes];
}

function problemResponses({ route }: Making): Json {
  const byStatus = new Map<number, Code[]>();
  for (const code of codesOf(route)) {
    const { status } = CODES[code];
    byStatus.set(status, [...(byStatus.get(status) ?? []), code]);
  }
  const responses: Json = {};
  for (const [status, codes] of [...byStatus].sort(([a], [b]) => a - b)) {
    responses[String(status)] = {
      description: codes.map((code) => `\`${code}\`: ${CODES[code].title}`).join('; '),
      headers: headersOf.problem(status),
      content: { 'application/problem+json': { schema: schemaRef('Problem'), examples: problemExamples(codes) } },
    };
  }
  return responses;
}

/** The schema of the `data` of an answer: by its name, the item's for a list. */
function resultOf({ route: { contract }, schemas }: Making): Schema {
  const result = plain(contract.result);
  const { items, ...list } = result;
  if (items !== undefined) return { ...list, items: schemas.name(`${contract.name}Item`, items) };
  return result.properties === undefined ? schemas.referring(result) : schemas.name(`${contract.name}Result`, result);
}

const unlikelySuccess = (kind: ApiRoute['kind'], revised: Revised | undefined): Json => {
  if (kind === 'command') return { 202: { $ref: '#/components/responses/Recorded' } };
  return revised === undefined ? {} : { 304: { $ref: '#/components/responses/NotModified' } };
};

const revisedOf = ({ contract }: ApiRoute): Revised | undefined =>
  contract.revised ?? ('answers' in contract ? 'always' : undefined);

const DESCRIPTIONS = { 200: 'OK', 201: 'Created', 202: 'Accepted' } as const;

function successResponse(making: Making): Json {
  const { contract, kind } = making.route;
  const status = kind === 'command' ? ((contract as CommandContract).status ?? 200) : 200;
  const paged = kind === 'query' ? (contract as QueryContract).paginated : false;
  const [metaName, pagination] = metaOf(paged);
  const revised = revisedOf(making.route);
  const schema = {
    type: 'object',
    required: ['data', 'meta'],
    properties: { data: resultOf(making), meta: schemaRef(metaName) },
  };
  const meta = { ...META_EXAMPLE, ...pagination };
  const example = { data: exampleOf(plain(contract.result), [contract.name]), meta };
  return {
    ...unlikelySuccess(kind, revised),
    [status]: {
      description: DESCRIPTIONS[status],
      headers: headersOf.success(kind, { revised, located: status === 201 && making.readable }),
      content: { 'application/json': { schema, example } },
    },
  };
}

const whoOf = (access: ApiRoute['contract']['access']): string => {
  if (access === 'anyone') return 'For anyone.';
  return access === 'user' ? 'For anyone signed in.' : `For: ${access.join(', ')}.`;
};

const operationId = (name: string): string => name.charAt(0).toLowerCase() + name.slice(1);

const parametersOfCommand = (command: CommandContract): readonly string[] =>
  takesKey(command, command.access === 'anyone')
    ? COMMAND_PARAMETERS
    : COMMAND_PARAMETERS.filter((name) => name !== 'IdempotencyKey');

function requestBodyOf({ route: { contract }, schemas }: Making): Json {
  if ('upload' in contract) return uploadBody(contract.upload);
  const body = 'body' in contract ? contract.body : undefined;
  if (body === undefined) return {};
  const schema = schemas.name(`${contract.name}Body`, plain(body));
  const example = exampleOf(plain(body), [contract.name]);
  return {
    requestBody: { required: requiredOf(body).length > 0, content: { 'application/json': { schema, example } } },
  };
}

function operationOf(making: Making): Json {
  const { route } = making;
  const { contract, kind, alias } = route;
  const query = 'query' in contract ? contract.query : undefined;
  const shared = kind === 'command' ? parametersOfCommand(contract as CommandContract) : QUERY_PARAMETERS;
  const asked = parametersOf(making, query, 'query');
  return {
    operationId: operationId(contract.name) + (alias ? `At${route.path.replaceAll(/[^a-z0-9]+/gi, '_')}` : ''),
    summary: contract.summary,
    description: whoOf(contract.access),
    tags: [contract.tag],
    ...(alias ? { deprecated: true } : {}),
    security: contract.access === 'anyone' ? [] : [{ bearer: [] }],
    parameters: [
      ...parametersOf(making, contract.params, 'path'),
      ...asked,
      ...aliasParameters(making, asked),
      ...shared.map((name) => parameterRef(name)),
    ],
    ...requestBodyOf(making),
    responses: { ...successResponse(making), ...problemResponses(making) },
  };
}

function overlaysOf({ passwordMinLength, forms = {} }: SpecificationSettings): Record<string, Schema> {
  const told = Object.entries(forms).map(([title, description]) => [title, { description }] as const);
  const overlays: Record<string, Schema> = Object.fromEntries(told);
  return { ...overlays, NewPassword: { ...overlays['NewPassword'], minLength: passwordMinLength } };
}

/** The OpenAPI 3.1 document, derived from the same table that routes requests. */
export function openapiOf(routes: readonly ApiRoute[], version: string, settings?: SpecificationSettings): Json {
  const schemas = createSchemaTable(settings === undefined ? {} : overlaysOf(settings));
  const paths: Record<string, Json> = {};
  for (const route of routes) {
    const path = templated(BASE_PATH + route.path);
    const making = { route, schemas, readable: isReadable(routes, route.path) };
    paths[path] = { ...paths[path], [route.method.toLowerCase()]: operationOf(making) };
  }
  const tags = [...new Set(routes.map(({ contract }) => contract.tag))].sort();
  return {
    openapi: '3.1.0',
    info: {
      title: 'Cartulary',
      version,
      description: 'An event-sourced commerce backend.',
      license: { name: 'MIT', identifier: 'MIT' },
    },
    servers: [{ url: '/' }],
    tags: [...tags, 'operations'].map((name) => ({ name })),
    paths: { ...paths, ...PAGES },
    components: componentsWith(schemas.named),
  };
}
