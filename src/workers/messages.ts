import type { Role } from '../config/settings.ts';
import type { MetricValues } from '../http/metrics.ts';

/** What a worker is there for, and what it must not find out by itself. */
export interface Task {
  readonly roles: readonly Role[];
  readonly databaseUrl: string;
  readonly jwtSecret: string;
  /** Base64. */
  readonly masterKey: string;
}

export type ToWorker =
  | { readonly cartulary: 'begin'; readonly task: Task }
  | { readonly cartulary: 'stop' }
  /** Asks for its metrics. */
  | { readonly cartulary: 'tell'; readonly id: number }
  /** The answer to `gather`: the metrics of every worker that told them in time. */
  | { readonly cartulary: 'gathered'; readonly id: number; readonly metrics: readonly MetricValues[] };

export type ToPrimary =
  /** Asks for its task: what is said to a process before it listens is lost. */
  | { readonly cartulary: 'ready' }
  | { readonly cartulary: 'up'; readonly url: string }
  | { readonly cartulary: 'failed'; readonly message: string }
  | { readonly cartulary: 'gather'; readonly id: number }
  | { readonly cartulary: 'told'; readonly id: number; readonly metrics: MetricValues };

/** Other messages on the same channel are those of Node itself. */
export const isOurs = (message: unknown): message is ToWorker | ToPrimary =>
  typeof message === 'object' && message !== null && 'cartulary' in message;
