import type { Logger } from './log.ts';

/** The steps that stop a process. They run in reverse order. A failing step is logged and does not stop the others. */
export interface Shutdown {
  push(step: () => Promise<unknown>): void;
  run(log: Logger): Promise<void>;
}

export function createShutdown(): Shutdown {
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
