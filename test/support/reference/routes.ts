import { anchors, capitalised, code, list, listed, page, sentence, table } from './markdown.ts';
import { fieldsOf, isObject, plain, valueOf, type Field, type JsonSchema } from './schemaText.ts';
import {
  BASE_PATH,
  codesOf,
  needsFactor,
  commands,
  PAGES,
  queries,
  routesOf,
  type ApiRoute,
  type Code,
  type CommandContract,
  type QueryContract,
} from './shop.ts';

const ROUTES = routesOf({ commands, queries });

const callers = ({ access }: ApiRoute['contract']): string => {
  if (access === 'anyone') return 'anyone';
  return access === 'user' ? 'anyone signed in' : listed(access.map((role) => `${role}s`));
};

const titleOf = ({ method, path }: ApiRoute): string => `${method} ${path}`;

const codesOfKind = (kind: ApiRoute['kind']): Code[] => {
  const all = ROUTES.filter((route) => route.kind === kind).map(codesOf);
  return all[0]!.filter((one) => all.every((codes) => codes.includes(one)));
};

const EVERYWHERE = { command: codesOfKind('command'), query: codesOfKind('query') };

const errorLink = (name: string): string => `[${code(name)}](errors.md#codes)`;

/** Answers of a route in addition to those that follow from its kind, roles and parameters. */
function errorsOf(route: ApiRoute): string {
  const { access, params } = route.contract;
  const implied = [
    ...EVERYWHERE[route.kind],
    ...(Array.isArray(access) ? ['FORBIDDEN'] : []),
    ...(params === undefined ? [] : ['NOT_FOUND']),
    ...(needsFactor(route.contract) ? ['SECOND_FACTOR_REQUIRED'] : []),
  ];
  const own = codesOf(route).filter((one) => !implied.includes(one));
  return own.length === 0 ? '' : `Own errors: ${listed(own.sort().map(errorLink), 'and')}.`;
}

const answerTable = (fields: readonly Field[]): string =>
  table(
    ['field', 'value'],
    fields.map(({ name, required, value }) => [code(name), required ? value : `${value}; may be absent`]),
  );

function requestTable({ contract }: ApiRoute): string {
  const places = {
    path: contract.params,
    query: 'query' in contract ? contract.query : undefined,
    body: 'body' in contract ? contract.body : undefined,
  };
  const rows = Object.entries(places).flatMap(([place, schema]) =>
    schema === undefined ? [] : fieldsOf(plain(schema)).map((field) => ({ place, ...field })),
  );
  if (rows.length === 0) return '';
  return table(
    ['parameter', 'in', 'required', 'value'],
    rows.map(({ place, name, required, value }) => [code(name), place, required ? 'yes' : 'no', value]),
  );
}

function cacheOf({ cache }: QueryContract): string {
  return cache === undefined ? '' : `An answer may be cached for ${cache.ttlMs / 1_000} s; a change drops it at once.`;
}

/** The promises about one route, in a few sentences. */
function facts(route: ApiRoute): string {
  const { contract, kind } = route;
  const own = kind === 'query' ? queryFacts(contract as QueryContract) : commandFacts(contract as CommandContract);
  return [sentence(contract.summary), ...own, errorsOf(route)].filter((one) => one !== '').join(' ');
}

const queryFacts = (query: QueryContract): string[] => [
  `Query ${code(query.name)}, for ${callers(query)}.`,
  query.reads.length === 0 ? '' : `Reads ${listed(query.reads.map(code))}.`,
  cacheOf(query),
];

const commandFacts = (command: CommandContract): string[] => [
  `Command ${code(command.name)}, for ${callers(command)}.`,
  limitOf(command),
];

function limitOf({ limit, access, body }: CommandContract): string {
  if (limit === undefined) return '';
  const named = body !== undefined && 'email' in body.properties;
  const more = named ? '; attempts at one account are slowed down' : access === 'anyone' ? '' : ' and per session';
  return `Limited by ${code(`RATE_LIMIT_${limit.toUpperCase()}`)}, per address${more}.`;
}

/** The answers that the page has described so far. An answer that several routes give is described once. */
type Told = Map<string, { title: string; link: string }>;

function answerOf(route: ApiRoute, told: Told, link: string): string {
  const { contract, kind } = route;
  const status = kind === 'command' ? ((contract as CommandContract).status ?? 200) : 200;
  const result = plain(contract.result);
  const paged = 'paginated' in contract && contract.paginated ? ', page by page' : '';
  const item: JsonSchema = result.items ?? result;
  const what = result.items === undefined ? '' : ` a list${paged}, each item`;
  if (!isObject(item)) return `Answers ${status} with ${valueOf(result)}.`;
  const fields = fieldsOf(item);
  const [only] = fields;
  if (fields.length === 1 && only !== undefined) return `Answers ${status} with ${code(only.name)}: ${only.value}.`;
  const key = JSON.stringify(item);
  const same = told.get(key);
  if (same !== undefined)
    return `Answers ${status} with${what}${what === '' ? '' : ' with'} the fields of [${code(same.title)}](${same.link}).`;
  told.set(key, { title: titleOf(route), link });
  return `Answers ${status} with${what}:\n\n${answerTable(fields)}`;
}

function details(route: ApiRoute, told: Told, link: string): string[] {
  const { contract } = route;
  if (route.alias) return [`### ${titleOf(route)}`, `The same as ${code(contract.route)}; kept for older clients.`];
  return [`### ${titleOf(route)}`, facts(route), requestTable(route), answerOf(route, told, link)];
}

const byPlace = (a: ApiRoute, b: ApiRoute): number =>
  a.path.localeCompare(b.path, 'en') || a.method.localeCompare(b.method, 'en');

function nouns(): { noun: string; routes: ApiRoute[] }[] {
  const names = [...new Set(ROUTES.map(({ contract }) => contract.tag))].sort();
  return names.map((noun) => ({
    noun,
    routes: ROUTES.filter(({ contract }) => contract.tag === noun).sort(byPlace),
  }));
}

const INTRODUCTION = `Every path is below ${code(BASE_PATH)}. [Conventions](conventions.md) says what all routes share: the envelope of an answer, tokens,
\`Idempotency-Key\`, entity tags, positions, pages, rate limits. The tables of answers below describe \`data\`. The running shop serves the same as
OpenAPI 3.1 at \`/openapi.json\`.`;

const everyRoute = (): string =>
  list([
    'A command is a `POST`, `PUT` or `DELETE`. It takes an `Idempotency-Key` and has one effect under it.',
    'A query is a `GET`. It waits until the read models named here include the last write of its caller.',
    `Any command may answer ${listed(EVERYWHERE.command.map(code), 'or')}.`,
    `Any query may answer ${listed(EVERYWHERE.query.map(code), 'or')}.`,
    `A route for certain roles answers ${code('FORBIDDEN')} to others. A route with a parameter in its path answers ${code('NOT_FOUND')} where there is no such thing, or where it belongs to another.`,
    `With ${code('REQUIRE_SECOND_FACTOR=admin')}, every route for admins or for anyone signed in answers ${code('SECOND_FACTOR_REQUIRED')} to an administrator without a second factor, but those that set it up.`,
  ]);

const outside = (): string =>
  table(
    ['route', 'what it does'],
    Object.entries(PAGES as Record<string, { get: { summary: string } }>).map(([where, { get }]) => [
      code(`GET ${where}`),
      get.summary,
    ]),
  );

/** `docs/reference/routes.md`. */
export function routesPage(): string {
  const anchor = anchors();
  for (const heading of ['Routes', 'What holds for every route', 'All routes']) anchor(heading);
  const groups = nouns().map(({ noun, routes }) => {
    anchor(capitalised(noun));
    return { noun, routes: routes.map((route) => ({ route, link: anchor(titleOf(route)) })) };
  });
  const all = groups.flatMap(({ routes }) => routes);
  const told: Told = new Map();
  return page('Routes', 'the contracts in `src/commands` and `src/queries`', [
    INTRODUCTION,
    '## What holds for every route',
    everyRoute(),
    '## All routes',
    table(
      ['route', 'for', 'what it does'],
      all.map(({ route, link }) => [
        `[${code(titleOf(route))}](${link})`,
        callers(route.contract),
        route.alias ? `The same as ${code(route.contract.route)}` : route.contract.summary,
      ]),
    ),
    ...groups.flatMap(({ noun, routes }) => [
      `## ${capitalised(noun)}`,
      ...routes.flatMap(({ route, link }) => details(route, told, link)),
    ]),
    '## Outside of the base path',
    outside(),
  ]);
}
