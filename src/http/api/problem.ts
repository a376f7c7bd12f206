import { failureClass, sqlstateOf } from '../../platform/postgres/sqlstate.ts';
import { isOutcomeUnknown, isRefusal, type FieldError, type Refusal, type RefusalKind } from '../../errors.ts';

/** The public error codes, each with its status and title. */
export const CODES = {
  VALIDATION_ERROR: { status: 400, title: 'The request is not valid' },
  EMPTY_CART: { status: 400, title: 'The cart is empty' },
  LINK_INVALID: { status: 400, title: 'The link is not valid' },
  INVALID_STATUS: { status: 400, title: 'The status does not allow this' },
  UNAUTHORIZED: { status: 401, title: 'Not signed in' },
  FORBIDDEN: { status: 403, title: 'Not allowed' },
  EMAIL_NOT_VERIFIED: { status: 403, title: 'The e-mail address is not verified' },
  SECOND_FACTOR_REQUIRED: { status: 403, title: 'A second factor is required' },
  NOT_FOUND: { status: 404, title: 'Not found' },
  METHOD_NOT_ALLOWED: { status: 405, title: 'Method not allowed' },
  CONFLICT: { status: 409, title: 'Conflict' },
  INSUFFICIENT_STOCK: { status: 409, title: 'Not enough in stock' },
  PRECONDITION_FAILED: { status: 412, title: 'The resource has changed' },
  PAYLOAD_TOO_LARGE: { status: 413, title: 'The body is too large' },
  UNSUPPORTED_MEDIA_TYPE: { status: 415, title: 'Unsupported media type' },
  IDEMPOTENCY_KEY_REUSED: { status: 422, title: 'The idempotency key belongs to another request' },
  PAGE_TOO_DEEP: { status: 422, title: 'The page is too deep' },
  RATE_LIMITED: { status: 429, title: 'Too many requests' },
  INTERNAL_ERROR: { status: 500, title: 'Internal error' },
  SERVICE_UNAVAILABLE: { status: 503, title: 'Unavailable for the moment' },
  REQUEST_TIMEOUT: { status: 504, title: 'The request took too long' },
} as const;

export type Code = keyof typeof CODES;

const CODE_OF_KIND: Readonly<Record<RefusalKind, Code>> = {
  invalid: 'VALIDATION_ERROR',
  unauthenticated: 'UNAUTHORIZED',
  forbidden: 'FORBIDDEN',
  notFound: 'NOT_FOUND',
  rejected: 'CONFLICT',
  stale: 'PRECONDITION_FAILED',
  unavailable: 'SERVICE_UNAVAILABLE',
};

const RETRY_AFTER_UNAVAILABLE_S = 1;
const ERRORS_SHOWN_MAX = 100;
export const PROBLEM_TYPE = 'application/problem+json; charset=utf-8';

export interface Problem {
  readonly status: number;
  readonly title: string;
  readonly rule: string;
  readonly detail: string;
  readonly errors: readonly FieldError[];
  /** Name, value, name, value, … */
  readonly headers: readonly string[];
}

/** A problem that only the HTTP edge raises; the domain throws a `Refusal` instead. */
export class ProblemError extends Error {
  readonly problem: Problem;

  constructor(
    code: Code,
    rule: string,
    detail: string,
    more: { errors?: readonly FieldError[]; headers?: readonly string[] } = {},
  ) {
    super(detail);
    this.name = 'ProblemError';
    this.problem = {
      ...CODES[code],
      rule,
      detail,
      errors: more.errors ?? [{ code, message: detail }],
      headers: more.headers ?? [],
    };
  }
}

export const invalidRequest = (errors: readonly FieldError[]): ProblemError =>
  new ProblemError('VALIDATION_ERROR', 'InvalidRequest', summaryOf(errors), { errors });

const summaryOf = (errors: readonly FieldError[]): string =>
  errors.length === 1 && errors[0] !== undefined
    ? errors[0].message
    : `${errors.length} things are wrong with this request.`;

const isCode = (code: string): code is Code => Object.hasOwn(CODES, code);

const secondsUntil = (instant: string, now: Date): number =>
  Math.max(1, Math.ceil((Date.parse(instant) - now.getTime()) / 1_000));

/** `Retry-After` invites the caller to try again, so it is sent only when nothing was recorded. */
function headersOf(refusal: Refusal, now: Date | undefined): readonly string[] {
  const { kind, retryAt } = refusal;
  if (isOutcomeUnknown(refusal)) return [];
  if (retryAt !== undefined && now !== undefined) return ['Retry-After', String(secondsUntil(retryAt, now))];
  if (kind === 'unavailable') return ['Retry-After', String(RETRY_AFTER_UNAVAILABLE_S)];
  if (kind === 'unauthenticated') return ['WWW-Authenticate', 'Bearer'];
  return [];
}

/**
 * A failure of Postgres that no code on the way has made a refusal of. It has no `Retry-After`, because it is not known here
 * whether anything was recorded.
 */
function problemOfDatabase(error: unknown): Problem | undefined {
  if (sqlstateOf(error) === undefined) return undefined;
  switch (failureClass(error)) {
    case 'retry':
    case 'unavailable':
      return new ProblemError('SERVICE_UNAVAILABLE', 'DatabaseUnavailable', 'The database cannot do this now.').problem;
    case 'conflict':
      return new ProblemError('CONFLICT', 'DatabaseConflict', 'It contradicts what is there already.').problem;
    case 'defect':
      return undefined;
  }
}

/**
 * The only place that maps refusals to HTTP statuses. Any other error is a bug: the answer shows only `INTERNAL_ERROR`, so
 * the caller must log the error. `now`: for a refusal that names an instant from which a try may succeed.
 */
export function problemOf(error: unknown, now?: Date): Problem {
  if (error instanceof ProblemError) return error.problem;
  if (!isRefusal(error)) {
    return (
      problemOfDatabase(error) ??
      new ProblemError('INTERNAL_ERROR', 'Internal', 'Something went wrong on our side.').problem
    );
  }
  const kindCode = CODE_OF_KIND[error.kind];
  const code = error.code ?? kindCode;
  const { status } = CODES[isCode(code) ? code : kindCode];
  const { title } = CODES[isCode(code) ? code : kindCode];
  return {
    status,
    title,
    rule: error.rule,
    detail: error.message,
    errors: error.errors.length > 0 ? error.errors : [{ code, message: error.message }],
    headers: headersOf(error, now),
  };
}

/** The fields that clients of other shops read in the answer to one request too many. */
function limitTold({ detail, headers }: Problem): object {
  const at = headers.indexOf('Retry-After');
  const wait = at < 0 ? {} : { retry_after: `${headers[at + 1]} seconds` };
  return { error: 'RATE_LIMITED', message: detail, ...wait };
}

/** `meta` is JSON text. */
export function problemJson(problem: Problem, instance: string, meta: string): string {
  const { rule, title, status, detail, errors } = problem;
  const shown = errors.length > ERRORS_SHOWN_MAX ? errors.slice(0, ERRORS_SHOWN_MAX) : errors;
  const told = { type: `/problems/${rule}`, title, status, detail, instance, errors: shown };
  const text = JSON.stringify(status === CODES.RATE_LIMITED.status ? { ...told, ...limitTold(problem) } : told);
  return `${text.slice(0, -1)},"meta":${meta}}`;
}
