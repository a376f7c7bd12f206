/** The part of a row that a comparison of two commits uses. */
export interface Figures {
  /** Names the row in every commit, so it never changes. */
  readonly id: string;
  /** The measured figure of each round, without the yardstick. */
  readonly figures: readonly number[];
  readonly better: 'more' | 'less';
}

/** One line of the performance table: a ratio taken in one run, against a yardstick that the bench ran itself. */
export interface BenchRow extends Figures {
  readonly what: string;
  readonly against: string;
  readonly ratio: number;
  /** The ratio of each round; the least and the most are the spread of the row. */
  readonly ratios: readonly number[];
  /** The target for the ratio: at least, or at most. */
  readonly atLeast?: number;
  readonly atMost?: number;
  /** The figures behind the ratio. */
  readonly details: string;
}

export interface BenchOptions {
  /** An empty, migrated database. */
  readonly url: string;
  /** Smaller counts: shows that the programs work, not how fast. */
  readonly quick: boolean;
  /** The number of rounds in one turn of a comparison of two commits. When it is given, the HTTP benches run no yardstick. */
  readonly rounds?: number;
}
