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

export interface ProjectionHealth {
  readonly name: string;
  readonly position: bigint;
  readonly head: bigint;
  readonly lag: bigint;
  readonly state: string;
  readonly parked: number;
  readonly lastError?: string;
  /** The last one; undefined when there was none. */
  readonly rebuild?: RebuildStatus;
}

/** An event that a handler or a read model could not take, or that waits behind such a one. */
export interface DeadLetter {
  readonly id: string;
  readonly consumer: string;
  readonly stream: string;
  readonly eventId: string;
  readonly type: string;
  readonly position: bigint;
  readonly revision: bigint;
  readonly status: string;
  /** Why it could not be taken. */
  readonly reason: string | null;
  readonly attempts: number;
  readonly createdAt: string;
  readonly updatedAt: string;
}

interface DeadLetterAct {
  readonly act: string;
  readonly actor: string;
  readonly note: string | null;
  readonly at: string;
}

interface DeadLetterDetail extends DeadLetter {
  readonly acts: readonly DeadLetterAct[];
}

interface DeadLettersWanted {
  readonly consumer?: string;
  /** Also the closed ones. */
  readonly closed?: boolean;
  /** The id of the one before the page. */
  readonly after?: string;
  readonly limit: number;
}

/** What runs behind the shop, as every process can see it. */
export interface Operations {
  projections(): Promise<readonly ProjectionHealth[]>;
  /** Oldest first. Refuses an unknown `after` (`notFound`). */
  deadLetters(wanted: DeadLettersWanted): Promise<readonly DeadLetter[]>;
  /** Refuses an unknown id (`notFound`). */
  deadLetter(id: string): Promise<DeadLetterDetail>;
}
