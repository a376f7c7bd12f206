import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { Refusal } from '../../errors.ts';
import { ProblemError } from '../api/problem.ts';

/**
 * Whether a port shows the inside of the process: its metrics (sales among them) and its dependencies by name. `closed`: to no
 * caller. With a token: to a caller that sends it as `Authorization: Bearer`.
 */
export type Insight = 'open' | 'closed' | { readonly token: string };

export interface InsightSettings {
  readonly port: number | undefined;
  readonly token: string | undefined;
  /** Without a port and a token. */
  readonly openByDefault: boolean;
}

const BEARER = /^Bearer +(\S+)$/i;

/** At `PORT`, which callers of the shop reach: nothing once there is a port of its own. */
export function insightAtPort({ port, token, openByDefault }: InsightSettings): Insight {
  if (port !== undefined) return 'closed';
  if (token !== undefined) return { token };
  return openByDefault ? 'open' : 'closed';
}

/** At `METRICS_PORT`. */
export const insightAtMetricsPort = ({ token }: InsightSettings): Insight => (token === undefined ? 'open' : { token });

const digest = (text: string): Buffer => createHash('sha256').update(text).digest();

/** Whether the caller may look inside. */
export function seesInside(insight: Insight, { headers }: IncomingMessage): boolean {
  if (typeof insight === 'string') return insight === 'open';
  const token = BEARER.exec(headers.authorization ?? '')?.[1];
  return token !== undefined && timingSafeEqual(digest(token), digest(insight.token));
}

/** The refusal of a caller that does not see inside. A closed port says no more than that there is nothing. */
export const noInsight = (insight: Insight, path: string): Error =>
  insight === 'closed'
    ? nothingAt(path)
    : new Refusal('unauthenticated', 'MetricsTokenMissing', 'Send Authorization: Bearer <METRICS_TOKEN>.');

export const nothingAt = (path: string): ProblemError =>
  new ProblemError('NOT_FOUND', 'RouteUnknown', `There is nothing at ${path}.`);
