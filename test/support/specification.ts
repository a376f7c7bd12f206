import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import formats from 'ajv-formats';
import { commands } from '../../src/commands/index.ts';
import { BASE_PATH, routesOf } from '../../src/http/api/api.ts';
import { openapiOf } from '../../src/http/api/openapi.ts';
import { queries } from '../../src/queries/index.ts';

interface Header {
  readonly $ref: string;
}
interface Response {
  readonly $ref?: string;
  readonly headers?: Readonly<Record<string, Header>>;
  readonly content?: Readonly<Record<string, { readonly schema: object }>>;
}
interface Operation {
  readonly operationId: string;
  readonly responses: Readonly<Record<string, Response>>;
}
export interface Specification {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: {
    readonly headers: Readonly<Record<string, { readonly required?: boolean }>>;
    readonly responses: Readonly<Record<string, Response>>;
    readonly schemas: Readonly<Record<string, object>>;
  };
}

/** The headers that the specification speaks of: no other answer may have them. */
const OURS = [
  ...['X-Request-ID', 'ETag', 'Location', 'Event-Position', 'Projection-Position', 'Idempotency-Replayed'],
  ...['Retry-After', 'WWW-Authenticate', 'RateLimit', 'RateLimit-Policy'],
];

/** One answer of a shop, as a client has it. */
export interface Answered {
  readonly method: string;
  /** Below the base path; a query string is left out of account. */
  readonly path: string;
  readonly status: number;
  readonly header: (name: string) => string | null;
  readonly body: unknown;
}

const SHOP = routesOf({ commands, queries });

/** Judges answers by a specification: returns what disagrees with it. Answers where no route is are not judged. */
export function judgeBy(document: Specification): (answer: Answered) => string[] {
  const ajv = new Ajv2020({ strict: false, allErrors: true, logger: false });
  formats.default(ajv);
  ajv.addSchema({ ...document, $id: 'openapi.json' });
  const paths = Object.keys(document.paths)
    .map((template) => ({
      template,
      names: template.split('{').length,
      form: new RegExp(`^${template.replaceAll(/\{\w+\}/g, '[^/]+')}/?$`),
    }))
    .sort((a, b) => a.names - b.names);
  const checks = new Map<object, ValidateFunction>();
  const checkOf = (schema: object): ValidateFunction => {
    const found = checks.get(schema);
    if (found !== undefined) return found;
    const pointed = JSON.parse(JSON.stringify(schema).replaceAll('"$ref":"#/', '"$ref":"openapi.json#/')) as object;
    const made = ajv.compile(pointed);
    checks.set(schema, made);
    return made;
  };

  const headerFaults = ({ headers = {} }: Response, { header }: Answered): string[] =>
    OURS.flatMap((name) => {
      const declared = headers[name];
      const isThere = header(name) !== null;
      if (declared === undefined) return isThere ? [`has the header ${name}, which is not documented`] : [];
      const { required } = document.components.headers[declared.$ref.split('/').at(-1)!]!;
      return required === true && !isThere ? [`lacks the header ${name}, which is promised`] : [];
    });

  function bodyFaults({ content }: Response, { body, header }: Answered): string[] {
    if (content === undefined) return body === undefined ? [] : ['has a body, which is not documented'];
    const type = (header('content-type') ?? '').split(';')[0]!;
    const schema = content[type]?.schema;
    if (schema === undefined) return [`has the type ${type}, which is not documented`];
    const check = checkOf(schema);
    return check(body) ? [] : [`has another body: ${ajv.errorsText(check.errors)}`];
  }

  return (answer) => {
    const path = BASE_PATH + answer.path.split('?')[0]!;
    const found = paths.find(({ form }) => form.test(path));
    const method = answer.method === 'HEAD' ? 'GET' : answer.method;
    const operation = found && document.paths[found.template]?.[method.toLowerCase()];
    // A process without the API, and an unknown path, have no route.
    const noRoute = (answer.body as { type?: unknown } | null | undefined)?.type === '/problems/RouteUnknown';
    if (operation === undefined || noRoute) return [];
    const given = operation.responses[String(answer.status)];
    if (given === undefined) return [`${operation.operationId} answers ${answer.status}, which is not documented`];
    const response = given.$ref === undefined ? given : document.components.responses[given.$ref.split('/').at(-1)!]!;
    const faults = [
      ...headerFaults(response, answer),
      ...(answer.method === 'HEAD' ? [] : bodyFaults(response, answer)),
    ];
    return faults.map((fault) => `the ${answer.status} of ${operation.operationId} ${fault}`);
  };
}

export const specificationOf = (settings?: { passwordMinLength: number }): Specification =>
  JSON.parse(JSON.stringify(openapiOf(SHOP, '0.0.0', settings))) as Specification;

let judge: ((answer: Answered) => string[]) | undefined;

/** Throws when an answer of the shop is not what the specification says. */
export function mustBeSpecified(answer: Answered): void {
  const faults = (judge ??= judgeBy(specificationOf()))(answer);
  if (faults.length > 0) throw new Error(`The specification disagrees: ${faults.join('; ')}.`);
}
