/** How property tests run: a limited number of cases, the same every time. A failure prints the seed and the smallest case. */
export const RUNS = { seed: 20_260_301, numRuns: 100 } as const;
