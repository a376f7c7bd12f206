import type { Crowds } from '../../src/engine/decide/crowd.ts';

const ATTEMPTS = 8;

/** The rule for crowds before decision 42: eight attempts without a pause, and a winner that yields to nobody. */
export const impatientCrowds = (): Crowds => ({
  enter() {
    let attempts = 1;
    return { lost: () => Promise.resolve(++attempts <= ATTEMPTS) };
  },
  leave: () => Promise.resolve(),
});
