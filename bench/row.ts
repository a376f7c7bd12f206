/** One line of the performance table: a ratio taken in one run, against a yardstick that the bench ran itself. */
export interface BenchRow {
  readonly what: string;
  readonly against: string;
  readonly ratio: number;
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
}
