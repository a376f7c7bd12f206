import type { Logger } from './log.ts';

/** Things to undo, last first; every one is tried. */
export interface Undoing {
  push(step: () => Promise<unknown>): void;
  run(log: Logger): Promise<void>;
}

export function undoing(): Undoing {
  const steps: (() => Promise<unknown>)[] = [];
  return {
    push: (step) => void steps.push(step),
    async run(log) {
      for (const step of steps.splice(0).reverse()) {
        await step().catch((error: unknown) => log.error({ err: error }, 'a part did not stop cleanly'));
      }
    },
  };
}
