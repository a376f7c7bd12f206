/** An owner's lease ends this part of its length before another process may take it. */
const LEASE_MARGIN = 0.1;

/**
 * Ends a lease by this process's own clock, before another process may take it. A connection may be silent, so the owner does
 * not wait to be told.
 */
export function createExpiry(leaseMs: number, lose: () => void) {
  let timer: NodeJS.Timeout | undefined;
  let ended = false;
  return {
    runFrom(beganAt: number): void {
      clearTimeout(timer);
      const leftMs = beganAt + leaseMs * (1 - LEASE_MARGIN) - performance.now();
      if (!ended) timer = setTimeout(lose, Math.max(0, leftMs)).unref();
    },
    end(): void {
      ended = true;
      clearTimeout(timer);
    },
  };
}
