import { countedIn } from '../../engine/ask/ask.ts';
import { carryOut } from '../../engine/decide/carryOut.ts';
import type { Answer } from '../../engine/decide/command.ts';
import { ANONYMOUS, type CommandContext, type Effect, type Origin } from '../../engine/decide/context.ts';
import type { CommandContract, Services } from '../../commands/contract.ts';
import { type FieldError, isRefusal } from '../../errors.ts';
import { failpoint } from '../../platform/failpoint.ts';
import { derivedId, freshId } from '../../platform/ids.ts';
import { readJson } from './body.ts';
import { admit, assertResult, type Endpoint, type EndpointDeps, paramsReader, refuseIfAny } from './endpoint.ts';
import { etagOf, type IfMatch, pinnedBy, readIfMatch } from './etag.ts';
import { envelope, type Exchange, JSON_TYPE, metaJson } from './exchange.ts';
import { type FinishedAnswer, type Idempotency, type MadeAnswer, readIdempotencyKey, takesKey } from './idempotency.ts';
import type { SecurityLog } from '../auth/securityLog.ts';
import { CODES, PROBLEM_TYPE, problemJson, problemOf } from './problem.ts';
import { readUpload } from './upload.ts';
import { parseQuery } from './queryString.ts';
import { bodyCheck, resultCheck, textCheck } from './validate.ts';

const POSITION_HEADER = 'Event-Position';
/** Namespace of command ids that are derived from an idempotency key. */
const COMMAND_IDS = '6d1f1a52-0b0f-5d0a-9a57-0f7f6f3c8a11';

interface Asked {
  readonly input: Parameters<CommandContract['run']>[0];
  readonly bytes: Buffer;
  readonly key: string | undefined;
  readonly ifMatch: IfMatch | undefined;
}

export interface CommandRoute {
  readonly command: CommandContract;
  /** Below the base path. */
  readonly path: string;
  /** The URL of a created resource with this id; undefined when no route reads it. */
  readonly locationOf: ((exchange: Exchange, id: string) => string) | undefined;
  /** The URL that shows a command's effect; undefined when no query does. */
  seenAt(exchange: Exchange, effect: Effect): string | undefined;
}

/** The fields that a command's own rules refuse, to be reported together with those that the schema refuses. */
function rulesBroken(command: CommandContract, body: unknown, services: Services): readonly FieldError[] {
  if (command.check === undefined || typeof body !== 'object' || body === null) return [];
  try {
    command.check(body as Readonly<Record<string, unknown>>, services);
    return [];
  } catch (error) {
    if (isRefusal(error) && error.kind === 'invalid') return error.errors;
    throw error;
  }
}

/** Turns a success into the answer that is sent, and stored under the idempotency key. */
function successOf(command: CommandContract, locationOf: CommandRoute['locationOf'], checkResults: boolean) {
  const check = checkResults ? resultCheck(command.result) : undefined;
  const status = command.status ?? 200;
  return (exchange: Exchange, { data, revision, beside }: Answer, position: bigint): FinishedAnswer => {
    if (check !== undefined) assertResult(command.name, check(data));
    const headers = ['Content-Type', JSON_TYPE, 'Cache-Control', 'no-store'];
    if (revision !== undefined) headers.push('ETag', etagOf(countedIn(revision, beside)));
    if (position > 0n) headers.push(POSITION_HEADER, String(position));
    const id = (data as { id?: unknown } | null)?.id;
    if (status === 201 && typeof id === 'string' && locationOf !== undefined) {
      headers.push('Location', locationOf(exchange, id));
    }
    return { status, headers, body: envelope(exchange.requestId, JSON.stringify(data)) };
  };
}

const RECORDED = 'This is recorded. Its answer could not be made just now; do not send it again.';

/** The answer when the effect stands and cannot be shown. It is not kept under an idempotency key: a repeat gets the real answer. */
function recordedAnswer(exchange: Exchange, { position }: Effect, seenAt: string | undefined): FinishedAnswer {
  const headers = ['Content-Type', JSON_TYPE, 'Cache-Control', 'no-store', POSITION_HEADER, String(position)];
  if (seenAt !== undefined) headers.push('Location', seenAt);
  const data = { recorded: true, message: RECORDED, ...(seenAt === undefined ? {} : { seen_at: seenAt }) };
  return { status: 202, headers, body: envelope(exchange.requestId, JSON.stringify(data)), kept: false };
}

const positionOf = ({ headers }: FinishedAnswer): bigint => {
  const name = headers.indexOf(POSITION_HEADER);
  return name < 0 ? 0n : BigInt(headers[name + 1] ?? 0);
};

/** Turns a refusal into an answer; throws errors of status 500 and above, because a repeat may succeed. */
function refused(exchange: Exchange, error: unknown, now: Date): FinishedAnswer {
  const problem = problemOf(error, now);
  if (problem.status >= CODES.INTERNAL_ERROR.status) throw error as Error;
  const headers = ['Content-Type', PROBLEM_TYPE, 'Cache-Control', 'no-store', ...problem.headers];
  return { status: problem.status, headers, body: problemJson(problem, exchange.path, metaJson(exchange.requestId)) };
}

/** The account whose credentials a limited command tries: the one that its body names, or the caller's own. */
function attemptedAccount({ access, limit }: CommandContract, { actor }: Exchange, body: unknown): string | undefined {
  if (limit === undefined) return undefined;
  const { email } = body as { email?: unknown };
  if (typeof email === 'string') return email;
  return access === 'anyone' ? undefined : actor.id;
}

/** The account that an idempotency key belongs to. A call without a token has one for what it is about, known by a keyed mark. */
function ownerOfKey(
  command: CommandContract,
  { actor }: Exchange,
  body: unknown,
  { hashOf }: Pick<Idempotency, 'hashOf'>,
): string {
  if (command.about === undefined || actor.role !== ANONYMOUS.role) return actor.id;
  return `about:${hashOf('ABOUT', command.name, Buffer.from(command.about(body))).toString('hex')}`;
}

/** Logs the outcomes of a command that is a security event. */
const settledIn =
  (command: CommandContract, security: SecurityLog) =>
  (exchange: Exchange, input: Asked['input'], error?: unknown): void => {
    if (command.security === undefined) return;
    const account = attemptedAccount(command, exchange, input.body);
    security.settled(exchange, { name: command.security, account, tells: command.tells?.(input) }, error);
  };

/** The answer, and the persons whose data were opened or sealed on its way. */
async function withPersons(
  services: Services,
  work: (services: Services) => Promise<FinishedAnswer>,
): Promise<MadeAnswer> {
  const persons = new Set<string>();
  const personalData = services.personalData.noting((person) => persons.add(person));
  const answer = await work({ ...services, personalData });
  return { answer, persons: [...persons] };
}

/** Returns the function that reads a request: all that is wrong with it is refused in one answer. */
function readerOf({ command, path }: CommandRoute, deps: EndpointDeps) {
  const readParams = paramsReader(path, command.params, deps.forms);
  const checkQuery = textCheck(undefined);
  const checkBody = bodyCheck(command.body, deps.forms);
  return async (exchange: Exchange, values: readonly string[]): Promise<Asked> => {
    const errors: FieldError[] = [];
    const params = readParams(values, errors);
    const ifMatch = readIfMatch(exchange.req, errors);
    const key = takesKey(command, exchange.actor.role === ANONYMOUS.role)
      ? readIdempotencyKey(exchange.req, errors)
      : undefined;
    errors.push(...checkQuery(parseQuery(exchange.search, errors)));
    const { upload } = command;
    if (upload !== undefined) {
      refuseIfAny(errors);
      if (key === undefined) await upload.admit({ params }, { actor: exchange.actor, services: deps.services });
      const limits = { field: upload.field, maxBytes: upload.maxBytes(deps.services) };
      const bytes = await readUpload(exchange.req, limits);
      return { input: { params, body: {}, file: bytes } as unknown as Asked['input'], bytes, key, ifMatch };
    }
    const { bytes, value: body } = await readJson(exchange.req, deps.bodyLimitBytes);
    const shape = checkBody(body);
    const isNew = ({ field }: FieldError): boolean => shape.every((one) => one.field !== field);
    errors.push(...shape, ...rulesBroken(command, body, deps.services).filter(isNew));
    refuseIfAny(errors);
    return { input: { params, body } as unknown as Asked['input'], bytes, key, ifMatch };
  };
}

const originIn =
  (deps: EndpointDeps) =>
  (exchange: Exchange, id: string, { key, ifMatch }: Asked): Origin => ({
    id,
    repeatable: key !== undefined,
    actor: exchange.actor,
    now: deps.now().toISOString(),
    correlationId: exchange.requestId,
    client: () => deps.clientOf(exchange.req),
    ...(exchange.traceparent === undefined ? {} : { traceparent: exchange.traceparent }),
    ...pinnedBy(ifMatch),
  });

/** The endpoint of one command: it admits and validates a request, and carries it out at most once per idempotency key. */
export function commandEndpoint(route: CommandRoute, deps: EndpointDeps): Endpoint {
  const { command, locationOf } = route;
  const { answering, ask, idempotency } = deps;
  const success = successOf(command, locationOf, deps.checkResults);
  const settled = settledIn(command, deps.security);
  const read = readerOf(route, deps);

  const originOf = originIn(deps);

  /** Undefined when there is nothing to wait for. */
  const written = (exchange: Exchange, position: bigint): void | Promise<void> => {
    if (position === 0n) return;
    const told = ask.wrote(exchange.actor, position);
    if (command.revokes !== true) return told;
    return Promise.all([told, deps.revocations.passed(position)]).then(() => undefined);
  };

  const recorded = (exchange: Exchange, effect: Effect): FinishedAnswer =>
    recordedAnswer(exchange, effect, route.seenAt(exchange, effect));

  const carriedOut = async (exchange: Exchange, id: string, asked: Asked, services = deps.services) => {
    const carried = await carryOut({
      ...{ origin: originOf(exchange, id, asked), services, resumable: command.unrepeatable !== true },
      onRun(effectSoFar) {
        exchange.late = () => {
          const effect = effectSoFar();
          return effect === undefined ? undefined : recorded(exchange, effect);
        };
      },
      run: (context: CommandContext<Services>) =>
        command.run(asked.input, context).then((answer) => success(exchange, answer, context.position)),
    });
    settled(exchange, asked.input, carried.kind === 'failed' ? carried.error : undefined);
    const telling = written(exchange, carried.position);
    if (telling !== undefined) await telling;
    if (carried.kind === 'answered') return carried.answer;
    if (carried.kind === 'failed') return refused(exchange, carried.error, deps.now());
    answering.noteAfterEffect(exchange, carried.error);
    return recorded(exchange, carried.effect);
  };

  const once = async (exchange: Exchange, asked: Asked, key: string): Promise<FinishedAnswer> => {
    const account = ownerOfKey(command, exchange, asked.input.body, idempotency);
    const hash = idempotency.hashOf(exchange.req.method ?? '', exchange.path, asked.bytes);
    const id = derivedId(`${account}\n${key}\n${hash.toString('hex')}`, COMMAND_IDS);
    const finished = await idempotency.once({ account, key, hash }, () =>
      withPersons(deps.services, (services) => carriedOut(exchange, id, asked, services)),
    );
    // The answer may be another process's, or from before a restart: then this process has not noted yet what the caller wrote.
    await written(exchange, positionOf(finished));
    return finished;
  };

  const answer = (exchange: Exchange, asked: Asked): Promise<FinishedAnswer> =>
    asked.key === undefined ? carriedOut(exchange, freshId(), asked) : once(exchange, asked, asked.key);

  const serve = async (exchange: Exchange, values: readonly string[]): Promise<void> => {
    const asked = await read(exchange, values);
    const account = attemptedAccount(command, exchange, asked.input.body);
    if (account !== undefined) await deps.limits.attempt(exchange, command.limit!, account);
    const { status, headers, body } = await answer(exchange, asked);
    failpoint('answer:before-send');
    answering.send(exchange, status, headers, body);
  };

  return async (exchange, values) => {
    const admitting = admit(deps, command, exchange);
    if (admitting !== undefined) await admitting;
    answering.startClock(exchange);
    await (command.upload === undefined ? serve(exchange, values) : deps.uploads.run(() => serve(exchange, values)));
  };
}
