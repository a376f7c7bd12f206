import { setTimeout as pause } from 'node:timers/promises';

/** Waits for a condition. Resolves to its result once that is neither false nor undefined. Fails with its name after a time limit. */
export async function eventually<T>(
  what: string,
  probe: () => T | Promise<T>,
  withinMs = 10_000,
): Promise<NonNullable<Exclude<T, false>>> {
  const end = performance.now() + withinMs;
  for (;;) {
    const answer = await probe();
    if (answer !== false && answer !== undefined && answer !== null) return answer as NonNullable<Exclude<T, false>>;
    if (performance.now() > end) throw new Error(`waited ${withinMs} ms in vain until ${what}`);
    await pause(5);
  }
}
