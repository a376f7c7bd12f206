/** How long one probe may take, ms. */
const PROBE_TIMEOUT_MS = 2_000;
/** How long the outcome of the probes is reused, ms, so that frequent requests cost nothing. */
const OUTCOME_KEPT_MS = 500;

/** One dependency of this process; `check` rejects when it does not answer. */
export interface Probe {
  readonly name: string;
  /** True when no correct answer is possible without it. When another one fails, the status is only `degraded`. */
  readonly required: boolean;
  check(): Promise<unknown>;
}

interface Checked {
  readonly name: string;
  readonly required: boolean;
  readonly status: 'ok' | 'failing';
  readonly ms: number;
}

export interface Readiness {
  readonly status: 'ok' | 'degraded' | 'failing' | 'draining';
  readonly checks: readonly Checked[];
}

async function checkOne(probe: Probe, onFailure: (name: string, error: unknown) => void): Promise<Checked> {
  const startedAt = performance.now();
  let timer: NodeJS.Timeout | undefined;
  const tooLate = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${PROBE_TIMEOUT_MS} ms`)), PROBE_TIMEOUT_MS);
  });
  let status: Checked['status'] = 'ok';
  try {
    await Promise.race([probe.check(), tooLate]);
  } catch (error) {
    status = 'failing';
    onFailure(probe.name, error);
  }
  clearTimeout(timer);
  return { name: probe.name, required: probe.required, status, ms: Math.round(performance.now() - startedAt) };
}

const statusOf = (checks: readonly Checked[]): Readiness['status'] => {
  const failing = checks.filter(({ status }) => status === 'failing');
  if (failing.some(({ required }) => required)) return 'failing';
  return failing.length > 0 ? 'degraded' : 'ok';
};

/** Checks every dependency concurrently. `onFailure` (the log) gets the reason of a failure; the caller does not. */
export function createReadiness(
  probes: readonly Probe[],
  onFailure: (name: string, error: unknown) => void,
): (draining: boolean) => Promise<Readiness> {
  let kept: { checks: Promise<Checked[]>; until: number } | undefined;
  return async (draining) => {
    if (draining) return { status: 'draining', checks: [] };
    if (kept === undefined || kept.until < performance.now()) {
      const checks = Promise.all(probes.map((probe) => checkOne(probe, onFailure)));
      kept = { checks, until: performance.now() + OUTCOME_KEPT_MS };
    }
    const checks = await kept.checks;
    return { status: statusOf(checks), checks };
  };
}
