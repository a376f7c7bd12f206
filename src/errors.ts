/** The kinds of refusal, a closed set. Only `http/api/problem.ts` maps them to HTTP statuses. */
export type RefusalKind =
  | 'invalid' // the request is not valid
  | 'unauthenticated' // the caller is not signed in
  | 'forbidden' // the caller is signed in, but may not do this
  | 'notFound' // it does not exist, or the caller may not see it
  | 'rejected' // a business rule forbids it
  | 'stale' // the caller pinned a revision that is no longer current
  | 'unavailable'; // a dependency does not answer; a later try can succeed

/** One error in a request; a refusal carries all of them at once. */
export interface FieldError {
  readonly code: string;
  readonly field?: string;
  readonly message: string;
}

/**
 * An expected refusal of a request. `rule` names the broken rule (stable, unique: it is the problem's `type`). `code` is the
 * public error code of the REST contract where it differs from the kind's own (`INSUFFICIENT_STOCK`, `INVALID_STATUS`, …).
 */
export class Refusal extends Error {
  readonly kind: RefusalKind;
  readonly rule: string;
  readonly code: string | undefined;
  readonly errors: readonly FieldError[];

  constructor(
    kind: RefusalKind,
    rule: string,
    sentence: string,
    more: { code?: string; errors?: readonly FieldError[]; cause?: unknown } = {},
  ) {
    super(sentence, { cause: more.cause });
    this.name = 'Refusal';
    this.kind = kind;
    this.rule = rule;
    this.code = more.code;
    this.errors = more.errors ?? [];
  }
}

/** Throws: a business rule forbids it. */
export function reject(
  rule: string,
  sentence: string,
  more: { code?: string; errors?: readonly FieldError[] } = {},
): never {
  throw new Refusal('rejected', rule, sentence, more);
}

/** Throws: it does not exist, or the caller may not see it. */
export function missing(rule: string, sentence: string): never {
  throw new Refusal('notFound', rule, sentence);
}

/** Throws: the caller is not signed in, or the credentials are wrong. */
export function unauthenticated(rule: string, sentence: string): never {
  throw new Refusal('unauthenticated', rule, sentence);
}

/** Throws: the value of `field` is not valid. */
export function invalid(field: string, message: string, code = 'VALIDATION_ERROR'): never {
  throw new Refusal('invalid', 'InvalidInput', message, { code, errors: [{ code, field, message }] });
}

export const unavailable = (rule: string, sentence: string, cause?: unknown): Refusal =>
  new Refusal('unavailable', rule, sentence, { cause });

export const isRefusal = (error: unknown): error is Refusal => error instanceof Refusal;

/** Whether the change that was refused may have been recorded. After any other refusal it was not. */
export const isOutcomeUnknown = (error: unknown): boolean => isRefusal(error) && error.rule === 'OutcomeUnknown';
