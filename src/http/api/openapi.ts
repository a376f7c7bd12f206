import type { TObject } from 'typebox';
import type { CommandContract } from '../../commands/contract.ts';
import type { QueryContract } from '../../engine/ask/query.ts';
import { type ApiRoute, BASE_PATH } from './api.ts';
import { takesKey } from './idempotency.ts';
import { components, headerRef, PAGES, parameterRef, schemaRef } from './openapiComponents.ts';
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
const COMMAND_HEADERS = [
  'X-Request-ID',
  'ETag',
  'Event-Position',
  'Idempotency-Replayed',
  'RateLimit',
  'RateLimit-Policy',
];
const QUERY_HEADERS = ['X-Request-ID', 'ETag', 'Projection-Position', 'RateLimit', 'RateLimit-Policy'];
const COMMAND_PARAMETERS = ['IdempotencyKey', 'IfMatch', 'RequestId'];
const QUERY_PARAMETERS = ['MinPosition', 'IfNoneMatch', 'RequestId'];

/** Removes TypeBox's own symbols. */
const plain = (schema: unknown): Json => JSON.parse(JSON.stringify(schema)) as Json;

const templated = (path: string): string => path.replaceAll(/:([a-z0-9_]+)/gi, '{$1}');

const requiredOf = (schema: TObject | undefined): readonly string[] =>
  (schema as { required?: readonly string[] } | undefined)?.required ?? [];

function parametersOf(schema: TObject | undefined, place: 'path' | 'query'): Json[] {
  return Object.entries(schema?.properties ?? {}).map(([name, property]) => {
    const { description, ...rest } = plain(property);
    const required = place === 'path' || requiredOf(schema).includes(name);
    return { name, in: place, required, ...(description === undefined ? {} : { description }), schema: rest };
  });
}

export function codesOf({ contract, kind }: ApiRoute): Code[] {
  const codes = new Set<Code>(EVERY_ROUTE);
  if (Array.isArray(contract.access)) codes.add('FORBIDDEN');
  if (contract.params !== undefined) codes.add('NOT_FOUND');
  if (kind === 'command') EVERY_COMMAND.forEach((code) => codes.add(code));
  for (const code of contract.codes ?? []) {
    if (!Object.hasOwn(CODES, code)) throw new Error(`${contract.name} declares the unknown code ${code}.`);
    codes.add(code as Code);
  }
  return [...codes];
}

function problemResponses(route: ApiRoute): Json {
  const byStatus = new Map<number, Code[]>();
  for (const code of codesOf(route)) {
    const { status } = CODES[code];
    byStatus.set(status, [...(byStatus.get(status) ?? []), code]);
  }
  const responses: Json = {};
  for (const [status, codes] of [...byStatus].sort(([a], [b]) => a - b)) {
    const names = ['X-Request-ID', ...(status === 429 || status === 503 ? ['Retry-After'] : [])];
    responses[String(status)] = {
      description: codes.map((code) => `\`${code}\`: ${CODES[code].title}`).join('; '),
      headers: Object.fromEntries(names.map((name) => [name, headerRef(name)])),
      content: { 'application/problem+json': { schema: schemaRef('Problem') } },
    };
  }
  return responses;
}

function successResponse({ contract, kind }: ApiRoute): Json {
  const status = kind === 'command' ? ((contract as CommandContract).status ?? 200) : 200;
  const paginated = kind === 'query' && (contract as QueryContract).paginated === true;
  const names = [...(kind === 'command' ? COMMAND_HEADERS : QUERY_HEADERS), ...(status === 201 ? ['Location'] : [])];
  const schema = {
    type: 'object',
    required: ['data', 'meta'],
    properties: { data: plain(contract.result), meta: schemaRef(paginated ? 'PagedMeta' : 'Meta') },
  };
  return {
    [status]: {
      description: status === 201 ? 'Created' : 'OK',
      headers: Object.fromEntries(names.map((name) => [name, headerRef(name)])),
      content: { 'application/json': { schema } },
    },
    ...(kind === 'command' ? { 202: { $ref: '#/components/responses/Recorded' } } : {}),
    ...(kind === 'query' ? { 304: { description: 'Not modified since the ETag of `If-None-Match`' } } : {}),
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

function operationOf(route: ApiRoute): Json {
  const { contract, kind, alias } = route;
  const body = 'body' in contract ? contract.body : undefined;
  const query = 'query' in contract ? contract.query : undefined;
  const shared = kind === 'command' ? parametersOfCommand(contract as CommandContract) : QUERY_PARAMETERS;
  return {
    operationId: operationId(contract.name) + (alias ? `At${route.path.replaceAll(/[^a-z0-9]+/gi, '_')}` : ''),
    summary: contract.summary,
    description: whoOf(contract.access),
    tags: [contract.tag],
    ...(alias ? { deprecated: true } : {}),
    security: contract.access === 'anyone' ? [] : [{ bearer: [] }],
    parameters: [
      ...parametersOf(contract.params, 'path'),
      ...parametersOf(query, 'query'),
      ...shared.map((name) => parameterRef(name)),
    ],
    ...(body === undefined
      ? {}
      : {
          requestBody: {
            required: requiredOf(body).length > 0,
            content: { 'application/json': { schema: plain(body) } },
          },
        }),
    responses: { ...successResponse(route), ...problemResponses(route) },
  };
}

/** The OpenAPI 3.1 document, derived from the same table that routes requests. */
export function openapiOf(routes: readonly ApiRoute[], version: string): Json {
  const paths: Record<string, Json> = {};
  for (const route of routes) {
    const path = templated(BASE_PATH + route.path);
    paths[path] = { ...paths[path], [route.method.toLowerCase()]: operationOf(route) };
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
    components,
  };
}
