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
  /** The ratio that we ask of ourselves: no less, or no more. */
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
  /** Given for one turn of a comparison of two commits: so many rounds, and over HTTP no yardstick. */
  readonly rounds?: number;
}
