/** How properties are tried: bounded, and the same cases every time; a failure prints the seed and the smallest case. */
export const RUNS = { seed: 20_260_301, numRuns: 100 } as const;
