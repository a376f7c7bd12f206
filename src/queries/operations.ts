import type { DeadLetterDetail } from '../engine/follow/deadLetterRequests.ts';
import type { ProjectionStatus } from '../engine/project/status.ts';

/** A rebuild that an administrator asked for. Positions are those of the log. */
export interface RebuildStatus {
  /** `interrupted`: its process ended before it did. The read model is as it was. */
  readonly status: 'running' | 'done' | 'failed' | 'interrupted';
  readonly actor: string;
  readonly done: string;
  readonly total: string;
  readonly events: number;
  readonly rows: number | null;
  /** Rows that differed from the rebuilt ones. */
  readonly differences: number | null;
  readonly parked: number | null;
  readonly error: string | null;
  readonly startedAt: string;
  readonly finishedAt: string | null;
}

export interface ProjectionHealth extends ProjectionStatus {
  /** The last one; undefined when there was none. */
  readonly rebuild?: RebuildStatus;
}

/** The parts that run behind the shop, as every process can see them. */
export interface Operations {
  projections(): Promise<readonly ProjectionHealth[]>;
  /** Refuses an unknown id (`notFound`). */
  deadLetter(id: string): Promise<DeadLetterDetail>;
}
