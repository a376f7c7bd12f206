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
  /** The path of the field, its parts joined by dots. */
  readonly field?: string;
  /** A sentence that can be read without `field`. */
  readonly message: string;
}

/** The path of a field as people write it: `items[2].quantity`. */
const inWords = (path: readonly string[]): string =>
  path.map((part, at) => (/^\d+$/.test(part) ? `[${part}]` : at === 0 ? part : `.${part}`)).join('');

/**
 * The error of one field. `reason` completes the sentence that begins with the field's name ("must be …"); without a field it is the
 * sentence.
 */
export function fieldError(
  field: string | readonly string[] | undefined,
  reason: string,
  code = 'VALIDATION_ERROR',
): FieldError {
  if (field === undefined) return { code, message: reason };
  const path = typeof field === 'string' ? field.split('.') : field;
  return { code, field: path.join('.'), message: `${inWords(path)} ${reason}` };
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
  /** When a later try may succeed, ISO 8601 UTC. */
  readonly retryAt: string | undefined;

  constructor(
    kind: RefusalKind,
    rule: string,
    sentence: string,
    more: { code?: string; errors?: readonly FieldError[]; cause?: unknown; retryAt?: string } = {},
  ) {
    super(sentence, { cause: more.cause });
    this.name = 'Refusal';
    this.kind = kind;
    this.rule = rule;
    this.code = more.code;
    this.errors = more.errors ?? [];
    this.retryAt = more.retryAt;
  }
}

/** The cause of a refusal that the log reports as a security event. The caller does not see it. */
export class SecurityFinding extends Error {
  readonly details: Readonly<Record<string, string>>;

  /** `details` are ids and reasons, never personal data or secrets. */
  constructor(event: string, details: Readonly<Record<string, string>>) {
    super(event);
    this.name = 'SecurityFinding';
    this.details = details;
  }
}

/** Throws: a business rule forbids it. */
export function reject(
  rule: string,
  sentence: string,
  more: { code?: string; errors?: readonly FieldError[]; retryAt?: string } = {},
): never {
  throw new Refusal('rejected', rule, sentence, more);
}

/** Throws: the caller pinned a state that is no longer current. */
export function stale(rule: string, sentence: string): never {
  throw new Refusal('stale', rule, sentence);
}

/** Throws: it does not exist, or the caller may not see it. */
export function missing(rule: string, sentence: string): never {
  throw new Refusal('notFound', rule, sentence);
}

/** Throws: the caller is not signed in, or the credentials are wrong. */
export function unauthenticated(rule: string, sentence: string, cause?: SecurityFinding): never {
  throw new Refusal('unauthenticated', rule, sentence, { cause });
}

/** Throws: the caller is signed in, but may not do this. */
export function forbid(rule: string, sentence: string): never {
  throw new Refusal('forbidden', rule, sentence);
}

/** Throws: the value of `field` is not valid. `reason` completes the sentence that begins with the field's name ("must be …"). */
export function invalid(field: string, reason: string, code = 'VALIDATION_ERROR'): never {
  const error = fieldError(field, reason, code);
  throw new Refusal('invalid', 'InvalidInput', error.message, { code, errors: [error] });
}

export const unavailable = (rule: string, sentence: string, cause?: unknown): Refusal =>
  new Refusal('unavailable', rule, sentence, { cause });

export const isRefusal = (error: unknown): error is Refusal => error instanceof Refusal;

/** Whether the change that was refused may have been recorded. After any other refusal it was not. */
export const isOutcomeUnknown = (error: unknown): boolean => isRefusal(error) && error.rule === 'OutcomeUnknown';

/** Names that differ by more are not taken for a slip, and short names bear less. */
const SLIPS_MAX = 2;
const LETTERS_PER_SLIP = 3;

/** How many letters must be added, left out, exchanged or swapped to make one name of the other. */
function slipsBetween(one: string, other: string): number {
  let [before, last] = [[] as number[], Array.from({ length: other.length + 1 }, (_, at) => at)];
  for (let i = 1; i <= one.length; i += 1) {
    const row = [i];
    for (let j = 1; j <= other.length; j += 1) {
      const swapped = i > 1 && j > 1 && one[i - 1] === other[j - 2] && one[i - 2] === other[j - 1];
      row[j] = Math.min(
        last[j]! + 1,
        row[j - 1]! + 1,
        last[j - 1]! + (one[i - 1] === other[j - 1] ? 0 : 1),
        swapped ? before[j - 2]! + 1 : Infinity,
      );
    }
    [before, last] = [last, row];
  }
  return last[other.length]!;
}

const letters = (name: string): string => name.toLowerCase().replaceAll(/[^\p{L}\p{N}]/gu, '');
const NAME_CHARS_MAX = 64;

/** A name that somebody made up, short and plain enough to be repeated to them. */
export function shownName(name: string): string {
  const shown = name.slice(0, NAME_CHARS_MAX).replaceAll(/\p{C}/gu, '\ufffd');
  return name.length > NAME_CHARS_MAX ? `${shown}…` : shown;
}

/** The known name that an unknown one was meant to be, so far as that can be guessed: case and signs do not count. */
export function nearest(name: string, known: readonly string[]): string | undefined {
  const meant = letters(name);
  if (meant === '' || meant.length > NAME_CHARS_MAX) return undefined;
  const allowed = Math.min(SLIPS_MAX, Math.floor(meant.length / LETTERS_PER_SLIP));
  const ranked = known
    .map((candidate) => ({ candidate, slips: slipsBetween(meant, letters(candidate)) }))
    .filter(({ slips }) => slips <= allowed)
    .sort((a, b) => a.slips - b.slips);
  return ranked[0]?.candidate;
}

/** The question after an unknown name; empty when no known name is near. */
export function didYouMean(name: string, known: readonly string[]): string {
  const near = nearest(name, known);
  return near === undefined ? '' : `: did you mean ${near}?`;
}
