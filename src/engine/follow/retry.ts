import { isRefusal } from '../../errors.ts';
import { isPassing } from '../../platform/postgres/pool.ts';

/** How much of an error's text is kept. */
const REASON_CHARS_MAX = 2_000;

/** A part that does not answer, as opposed to an event that cannot be handled. */
export const isUnavailable = (error: unknown): boolean =>
  isRefusal(error) ? error.kind === 'unavailable' : isPassing(error);

/** What went wrong, in text that Postgres takes: it keeps no NUL. An error of a kind of its own says its kind first. */
export function reasonOf(error: unknown): string {
  const text =
    error instanceof Error ? `${error.name === 'Error' ? '' : `${error.name}: `}${error.message}` : String(error);
  return text.replaceAll('\0', '\ufffd').slice(0, REASON_CHARS_MAX);
}
