import { type FieldError, fieldError } from '../../errors.ts';
import type { Asked, Question } from '../../engine/ask/ask.ts';
import { aliasesOf } from '../../engine/ask/paging.ts';
import type { QueryContract } from '../../engine/ask/query.ts';
import { hasBody } from './body.ts';
import { admit, type Endpoint, type EndpointDeps, paramsReader, refuseIfAny } from './endpoint.ts';
import { etagOf, isNotModified, readMinPosition } from './etag.ts';
import { envelope, type Exchange, JSON_TYPE } from './exchange.ts';
import { parseQuery, renamed } from './queryString.ts';
import { textCheck } from './validate.ts';

/** Every stored answer must be revalidated before use; shared caches may store only answers for anyone. */
const CACHE_CONTROL = { anyone: 'no-cache', others: 'private, no-cache', nobody: 'no-store' } as const;

/** The endpoint of one query; after admission, a cached answer is sent without waiting for anything. */
export function queryEndpoint(query: QueryContract, path: string, deps: EndpointDeps): Endpoint {
  const { answering, ask } = deps;
  const readParams = paramsReader(path, query.params, deps.forms);
  const aliases = new Map(Object.entries(aliasesOf(query)));
  const checkQuery = textCheck(query.query, deps.forms);
  const shared = query.access === 'anyone' ? CACHE_CONTROL.anyone : CACHE_CONTROL.others;
  const cacheControl = query.secret === true ? CACHE_CONTROL.nobody : shared;

  const questionOf = (exchange: Exchange, values: readonly string[]): Question => {
    const errors: FieldError[] = [];
    const params = readParams(values, errors);
    const given = parseQuery(exchange.search, errors);
    const args = aliases.size === 0 || exchange.search === '' ? given : renamed(given, aliases, errors);
    errors.push(...checkQuery(args));
    if (hasBody(exchange.req)) errors.push(fieldError(undefined, 'A GET takes no body.'));
    const minPosition = readMinPosition(exchange.req, errors);
    refuseIfAny(errors);
    const question = { query, input: { params, query: args }, actor: exchange.actor };
    return minPosition === undefined ? question : { ...question, minPosition };
  };

  const send = (exchange: Exchange, { answer, position, isOwn }: Asked): void => {
    const { json, pagination, revision } = answer;
    const headers = [
      'Content-Type',
      JSON_TYPE,
      'Cache-Control',
      isOwn ? CACHE_CONTROL.others : cacheControl,
      'Projection-Position',
      String(position),
    ];
    if (revision !== undefined) {
      const etag = etagOf(revision);
      headers.push('ETag', etag);
      if (isNotModified(exchange.req, etag)) {
        answering.send(exchange, 304, headers, '');
        return;
      }
    }
    answering.send(exchange, 200, headers, envelope(exchange.requestId, json, pagination));
  };

  const serve = (exchange: Exchange, values: readonly string[]): void | Promise<void> => {
    const question = questionOf(exchange, values);
    const cached = ask.peek(question);
    if (cached !== undefined) {
      send(exchange, cached);
      return;
    }
    answering.startClock(exchange);
    return ask.answer(question).then((asked) => send(exchange, asked));
  };

  return (exchange, values) => {
    const waiting = admit(deps, query, exchange);
    return waiting === undefined ? serve(exchange, values) : waiting.then(() => serve(exchange, values));
  };
}
