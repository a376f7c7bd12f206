import type { IncomingMessage } from 'node:http';
import type { Origin } from '../../engine/decide/context.ts';
import { type FieldError, fieldError } from '../../errors.ts';
import { positionOf } from '../../platform/position.ts';

/**
 * `"12"`, `12` or `W/"12"`; a query's ETag `"12.<fingerprint>"` names revision 12 too. `"12~7-3"` also names what the resource counts
 * beside its revision.
 */
const IF_MATCH = /^(?:W\/)?(?:"(\d{1,19})(?:~([\w-]{1,64}))?(?:\.[\w-]{1,32})?"|(\d{1,19}))$/;

export const etagOf = (counted: bigint | string): string => `"${counted}"`;

export interface IfMatch {
  readonly revision: bigint;
  readonly beside: string | undefined;
}

/** What the caller pins with `If-Match`; `*` pins nothing. */
export function readIfMatch(req: IncomingMessage, errors: FieldError[]): IfMatch | undefined {
  const value = req.headers['if-match'];
  if (value === undefined || value.trim() === '*') return undefined;
  const [, quoted, beside, plain] = IF_MATCH.exec(value.trim()) ?? [];
  const revision = positionOf(quoted ?? plain);
  if (revision === undefined)
    errors.push(fieldError('If-Match', 'must be one ETag that this API has given, such as "12"'));
  return revision === undefined ? undefined : { revision, beside };
}

/** The caller's `If-Match`, as a command gets it. */
export const pinnedBy = (match: IfMatch | undefined): Pick<Origin, 'ifMatch' | 'ifMatchBeside'> => ({
  ...(match === undefined ? {} : { ifMatch: match.revision }),
  ...(match?.beside === undefined ? {} : { ifMatchBeside: match.beside }),
});

/** The log position that the answer must include (`Min-Position`). */
export function readMinPosition(req: IncomingMessage, errors: FieldError[]): bigint | undefined {
  const value = req.headers['min-position'];
  if (value === undefined) return undefined;
  const position = typeof value === 'string' ? positionOf(value.trim()) : undefined;
  if (position === undefined)
    errors.push(fieldError('Min-Position', 'must be a position of the log: a whole number such as 42'));
  return position;
}

/** Whether the caller already has this answer (`If-None-Match`). */
export function isNotModified(req: IncomingMessage, etag: string): boolean {
  const header = req.headers['if-none-match'];
  if (header === undefined) return false;
  if (header.trim() === '*') return true;
  return header.split(',').some((candidate) => candidate.trim().replace(/^W\//, '') === etag);
}
