import type { Method, Route } from '../../engine/decide/command.ts';
import { idOf } from '../../eventstore/eventStore.ts';
import type { CommandContract } from '../../commands/contract.ts';
import type { QueryContract } from '../../engine/ask/query.ts';
import { commandEndpoint, type CommandRoute } from './commandEndpoint.ts';
import type { Endpoint, EndpointDeps } from './endpoint.ts';
import type { Exchange } from './exchange.ts';
import { ProblemError } from './problem.ts';
import { queryEndpoint } from './queryEndpoint.ts';
import { createRouter, paramsOf, type Router, splitRoute } from './router.ts';
import { withoutLimit } from './bounds.ts';

export const BASE_PATH = '/api/v1';
const DOCS_PATH = '/docs';

/** One route of the API; an alias answers the same as the contract's own route. */
export interface ApiRoute {
  readonly method: Method;
  /** Below the base path. */
  readonly path: string;
  readonly contract: CommandContract | QueryContract;
  readonly kind: 'command' | 'query';
  readonly alias: boolean;
}

export interface Contracts {
  readonly commands: readonly CommandContract[];
  readonly queries: readonly QueryContract[];
}

function routesOfContract(contract: CommandContract | QueryContract, kind: ApiRoute['kind']): ApiRoute[] {
  const own: readonly Route[] = [contract.route, ...(contract.aliases ?? [])];
  return own.map((route, index) => ({ ...splitRoute(route), contract, kind, alias: index > 0 }));
}

/** Every route that the contracts declare, aliases included. */
export const routesOf = ({ commands, queries }: Contracts): ApiRoute[] => [
  ...commands.flatMap((command) => routesOfContract(command, 'command')),
  ...queries.flatMap((query) => routesOfContract(query, 'query')),
];

/** The fault of a declaration, as a part of a sentence; undefined when there is none. */
function faultOf({ method, path, contract, kind }: ApiRoute): string | undefined {
  if ((contract.access as unknown) === undefined) return 'does not say who may call it';
  if ((kind === 'query') !== (method === 'GET')) return `is a ${kind} and cannot answer ${method}`;
  const declared = Object.keys(contract.params?.properties ?? {})
    .sort()
    .join(', ');
  const named = paramsOf(path).sort().join(', ');
  if (declared !== named) return `declares the parameters "${declared}", but its path has "${named}"`;
  return faultOfInputs(contract);
}

function faultOfInputs(contract: ApiRoute['contract']): string | undefined {
  const inputs = [contract.params, 'body' in contract ? contract.body : undefined];
  if ('query' in contract) inputs.push(contract.query);
  for (const schema of inputs) {
    const unlimited = schema === undefined ? undefined : withoutLimit(schema);
    if (unlimited !== undefined) return `sets no limit: ${unlimited}`;
  }
  return undefined;
}

function assertDeclared(route: ApiRoute): void {
  const fault = faultOf(route);
  if (fault !== undefined) throw new Error(`${route.contract.name} (${route.method} ${route.path}) ${fault}.`);
}

function assertNamesAreUnique(routes: readonly ApiRoute[]): void {
  const names = new Set<string>();
  for (const { contract, alias } of routes) {
    if (alias) continue;
    if (names.has(contract.name)) throw new Error(`Two contracts are named ${contract.name}.`);
    names.add(contract.name);
  }
}

interface Compiled {
  readonly pattern: string;
  readonly serve: Endpoint;
}

const SOME_ID = '00000000-0000-7000-8000-000000000000';

function compile(route: ApiRoute, paths: Router<true>, deps: EndpointDeps): Compiled {
  const { path, contract } = route;
  const pattern = BASE_PATH + path;
  if (route.kind === 'query') return { pattern, serve: queryEndpoint(contract as QueryContract, path, deps) };
  const readable = paths.match('GET', `${path}/${SOME_ID}`).outcome === 'found';
  const locationOf = readable ? (exchange: Exchange, id: string) => `${exchange.path}/${id}` : undefined;
  const command = contract as CommandContract;
  const depth = depthOf(path, paths);
  const seenAt: CommandRoute['seenAt'] = (exchange, { stream }) => {
    if (command.seenAt !== undefined) return BASE_PATH + command.seenAt(idOf(stream));
    if (command.status === 201 && locationOf !== undefined) return locationOf(exchange, idOf(stream));
    return depth === 0
      ? undefined
      : exchange.path
          .split('/')
          .slice(0, BASE_SEGMENTS + depth)
          .join('/');
  };
  return { pattern, serve: commandEndpoint({ command, path, locationOf, seenAt }, deps) };
}

/** Whether a query answers at `path/:id`, so that what is created there has an address. */
export const isReadable = (routes: readonly ApiRoute[], path: string): boolean =>
  routes.some(
    ({ kind, path: other }) =>
      kind === 'query' && /^\/:[a-z_]+$/.test(other.replace(path, '')) && other.startsWith(path),
  );

const BASE_SEGMENTS = BASE_PATH.split('/').length;

/** The segments of the longest part of a path that a query answers; 0 when no query does. */
function depthOf(path: string, paths: Router<true>): number {
  const segments = path.slice(1).split('/');
  for (let depth = segments.length; depth > 0; depth -= 1) {
    const part = segments.slice(0, depth).map((segment) => (segment.startsWith(':') ? SOME_ID : segment));
    if (paths.match('GET', `/${part.join('/')}`).outcome === 'found') return depth;
  }
  return 0;
}

const unknownRoute = (path: string): ProblemError =>
  new ProblemError('NOT_FOUND', 'RouteUnknown', `There is nothing at ${path}.`);
const wrongMethod = (method: string, allow: string): ProblemError =>
  new ProblemError('METHOD_NOT_ALLOWED', 'MethodNotAllowed', `${method} is not allowed here; allowed: ${allow}.`, {
    headers: ['Allow', allow],
  });

export interface Api {
  readonly routes: readonly ApiRoute[];
  /** Answers everything below the base path. */
  handle(exchange: Exchange): void;
}

/**
 * Compiles the contracts into the API. Throws at start on a route that has no `access`, is declared twice, or whose input
 * has no limits. The answers for 405, OPTIONS, HEAD and 404 follow from the table of routes.
 */
export function createApi(contracts: Contracts, deps: EndpointDeps): Api {
  const routes = routesOf(contracts);
  routes.forEach(assertDeclared);
  assertNamesAreUnique(routes);
  const paths = createRouter(routes.map(({ method, path }) => ({ method, path, value: true as const })));
  const router = createRouter(
    routes.map((route) => ({ method: route.method, path: route.path, value: compile(route, paths, deps) })),
  );
  const { answering } = deps;

  /** Answers where no contract does. Such a request counts against the limits like any other. */
  const answerElse = (exchange: Exchange, method: string, match: ReturnType<typeof router.match>): void => {
    const path = exchange.path.slice(BASE_PATH.length);
    if (match.outcome === 'otherMethods') {
      const allow = match.allow.join(', ');
      if (method !== 'OPTIONS') throw wrongMethod(method, allow);
      answering.send(exchange, 204, ['Allow', allow], '');
      return;
    }
    if (path !== DOCS_PATH && path !== `${DOCS_PATH}/`) throw unknownRoute(exchange.path);
    answering.send(exchange, 308, ['Location', DOCS_PATH], '');
  };

  const dispatch = (exchange: Exchange): void | Promise<void> => {
    const method = exchange.req.method ?? 'GET';
    const match = router.match(method, exchange.path.slice(BASE_PATH.length));
    if (match.outcome === 'found') {
      exchange.route = match.value.pattern;
      return match.value.serve(exchange, match.params);
    }
    const counted = deps.limits.take(exchange);
    if (counted instanceof Promise) return counted.then(() => answerElse(exchange, method, match));
    answerElse(exchange, method, match);
  };

  return {
    routes,
    handle(exchange) {
      try {
        dispatch(exchange)?.catch((error: unknown) => answering.fail(exchange, error));
      } catch (error) {
        answering.fail(exchange, error);
      }
    },
  };
}
