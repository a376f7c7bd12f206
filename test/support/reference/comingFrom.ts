import { OTHER_NAMES_OF } from '../../../src/config/otherNames.ts';
import { aliasesOf } from '../../../src/engine/ask/paging.ts';
import { routesOf } from '../../../src/http/api/api.ts';
import { DOCS_PATHS } from '../../../src/http/pages/docs.ts';
import { commands } from '../../../src/commands/index.ts';
import { queries } from '../../../src/queries/index.ts';
import { featureRows } from '../featureRows.ts';
import { code, listed, page, table } from './markdown.ts';
import { ORIGINS, type Origin } from './origins.ts';

const ROUTES = routesOf({ commands, queries });
const FEATURES = new Map(featureRows().map((row) => [row.id, row]));
const HERE = 'here';

/** The route that answers a request; throws when none does. */
function routeFor(asked: string): string {
  const found = ROUTES.find(({ method, path }) => `${method} ${path}` === asked);
  if (found === undefined) throw new Error(`No route answers ${asked}.`);
  return found.contract.route;
}

const pathsOf = ({ paths }: Origin): string =>
  table(
    ['request', HERE],
    paths.map((asked) => {
      const own = routeFor(asked);
      return [code(asked), own === asked ? 'the same' : code(own)];
    }),
  );

/** `CAT-01,02 AX.3` as single ids. */
const idsIn = (rows: string): string[] =>
  rows.split(' ').flatMap((group) => {
    const [name = '', numbers] = group.split('-');
    return numbers === undefined ? [name] : numbers.split(',').map((number) => `${name}-${number}`);
  });

const claimsOf = ({ rows }: Origin): string =>
  table(
    ['promise', HERE, 'row'],
    idsIn(rows).map((id) => {
      const row = FEATURES.get(id);
      if (row === undefined) throw new Error(`The page of features has no row ${id}.`);
      return [row.what, row.how, id];
    }),
  );

const originPart = (origin: Origin): string =>
  [`## ${origin.title}`, origin.remark, pathsOf(origin), claimsOf(origin)].join('\n\n');

const aliases = (): string =>
  table(
    ['another name', HERE],
    ROUTES.filter(({ alias }) => alias).map(({ method, path, contract }) => [
      code(`${method} ${path}`),
      code(contract.route),
    ]),
  );

const pages = (): string =>
  table(
    ['another name', HERE],
    [
      ['`/api/…`', '`/api/v1/…`, by a redirect (308)'],
      ['`/docs/swagger.json`', '`/openapi.json`'],
      ...DOCS_PATHS.slice(1).map((path) => [code(path), code(DOCS_PATHS[0])]),
      ...DOCS_PATHS.map((path) => [code(`/api/v1${path}`), code(DOCS_PATHS[0])]),
    ],
  );

const fields = (): string => {
  const names = new Map<string, Set<string>>();
  for (const query of queries) {
    for (const [alias, name] of Object.entries(aliasesOf(query))) {
      names.set(name, (names.get(name) ?? new Set()).add(alias));
    }
  }
  return table(
    ['another name', HERE],
    [...names].map(([name, others]) => [listed([...others].map(code)), code(name)]),
  );
};

const settings = (): string =>
  table(
    ['another name', HERE],
    Object.entries(OTHER_NAMES_OF).map(([name, others]) => [listed(others.map(code)), code(name)]),
  );

export function comingFromPage(): string {
  return page(
    'Coming from another shop',
    '`test/support/reference/origins.ts`, the page of features and the contracts',
    [
      'A client that was written for another backend finds its paths here. Paths are below `/api/v1` unless they begin with it. [Features](features.md) says of each row which test shows it; rows that are marked later there have none yet.',
      ...ORIGINS.map(originPart),
      '## Other names of paths',
      'Every path that is kept for older clients. It answers the same as ours, and the OpenAPI document marks it as deprecated.',
      aliases(),
      '## Other names of pages',
      pages(),
      '## Other names of arguments',
      'Names of the fields of a person are in [conventions](conventions.md#names-and-phone-numbers).',
      fields(),
      '## Other names of settings',
      'A setting under our own name wins. Settings of brokers that Cartulary does not use (Kafka, NSQ, RabbitMQ) are ignored in the environment.',
      settings(),
    ],
  );
}
