import { isRefusal } from '../../errors.ts';
import { isPassing } from '../../platform/postgres/sqlstate.ts';
import { scrub } from '../../platform/scrub.ts';

/** Longer error texts are cut. */
const REASON_CHARS_MAX = 2_000;

/** Whether a dependency did not answer, as opposed to an event that cannot be handled. */
export const isUnavailable = (error: unknown): boolean =>
  isRefusal(error) ? error.kind === 'unavailable' : isPassing(error);

/** The error's text, for a Postgres column: without addresses, phone numbers and NUL, and cut. A named error (not plain `Error`) starts with its name. */
export function reasonOf(error: unknown): string {
  const text =
    error instanceof Error ? `${error.name === 'Error' ? '' : `${error.name}: `}${error.message}` : String(error);
  return scrub(text).replaceAll('\0', '\ufffd').slice(0, REASON_CHARS_MAX);
}
