/** What kind of "no" a refusal is. The set is closed; `http/problem.ts` alone knows which HTTP status each becomes. */
export type RefusalKind =
  | 'invalid' // the request cannot be understood
  | 'unauthenticated' // we do not know who asks
  | 'forbidden' // we know, and they may not
  | 'notFound' // there is none, or it is not theirs to see
  | 'rejected' // a business rule says no
  | 'stale' // the caller pinned a revision that has passed
  | 'unavailable'; // a part we need does not answer; try again

/** One thing wrong with a request; a refusal carries all of them at once. */
export interface FieldError {
  readonly code: string;
  readonly field?: string;
  readonly message: string;
}

/**
 * A clear no. `rule` names the broken rule (stable, unique: it is the problem's `type`), `code` is the public error code
 * of the REST contract where it differs from the kind's own (`INSUFFICIENT_STOCK`, `INVALID_STATUS`, …).
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

/** Throws: a business rule says no. */
export function reject(
  rule: string,
  sentence: string,
  more: { code?: string; errors?: readonly FieldError[] } = {},
): never {
  throw new Refusal('rejected', rule, sentence, more);
}

/** Throws: there is no such thing (or it is not yours). */
export function missing(rule: string, sentence: string): never {
  throw new Refusal('notFound', rule, sentence);
}

/** Throws: we do not know who asks. */
export function unauthenticated(rule: string, sentence: string): never {
  throw new Refusal('unauthenticated', rule, sentence);
}

/** Throws: they may not, whoever they are. */
export function forbid(rule: string, sentence: string): never {
  throw new Refusal('forbidden', rule, sentence);
}

/** Throws: the input itself cannot be accepted. */
export function invalid(field: string, message: string, code = 'VALIDATION_ERROR'): never {
  throw new Refusal('invalid', 'InvalidInput', message, { code, errors: [{ code, field, message }] });
}

export const unavailable = (rule: string, sentence: string, cause?: unknown): Refusal =>
  new Refusal('unavailable', rule, sentence, { cause });

export const isRefusal = (error: unknown): error is Refusal => error instanceof Refusal;
