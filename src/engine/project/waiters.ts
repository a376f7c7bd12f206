/** A caller that waits until all of these projections have passed a position. */
export interface Waiter {
  readonly names: readonly string[];
  readonly position: bigint;
  readonly resolve: (passed: boolean) => void;
}

/** The lowest of the projections' positions; 0 without projections. */
export function leastOf(names: readonly string[], positionOf: (name: string) => bigint): bigint {
  let least: bigint | undefined;
  for (const name of names) {
    const one = positionOf(name);
    if (least === undefined || one < least) least = one;
  }
  return least ?? 0n;
}

/** Waits until the owner of the set resolves the waiter, or false after `timeoutMs`. */
export function waitIn(waiters: Set<Waiter>, wanted: Omit<Waiter, 'resolve'>, timeoutMs: number): Promise<boolean> {
  return new Promise((resolve) => {
    const waiter: Waiter = {
      ...wanted,
      resolve: (passed) => {
        clearTimeout(timer);
        resolve(passed);
      },
    };
    const timer = setTimeout(() => {
      waiters.delete(waiter);
      resolve(false);
    }, timeoutMs);
    waiters.add(waiter);
  });
}
