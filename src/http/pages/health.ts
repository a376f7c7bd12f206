/** How long one probe may take. */
const PROBE_TIMEOUT_MS = 2_000;
/** How long the outcome of the probes is told again, so that whoever asks often costs nothing. */
const OUTCOME_KEPT_MS = 500;

/** One thing this process depends on; `check` rejects when it does not answer. */
export interface Probe {
  readonly name: string;
  /** Without it no correct answer is possible. What is not required only degrades. */
  readonly required: boolean;
  check(): Promise<unknown>;
}

export interface Checked {
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

/** Asks every dependency side by side; why one fails is told to `onFailure` (the log), not to the caller. */
export function createReadiness(
  probes: readonly Probe[],
  onFailure: (name: string, error: unknown) => void,
): (draining: boolean) => Promise<Readiness> {
  let kept: { checks: Promise<Checked[]>; until: number } | undefined;
  return async (draining) => {
    if (draining) return { status: 'draining', checks: [] };
    if (kept === undefined || kept.until < Date.now()) {
      const checks = Promise.all(probes.map((probe) => checkOne(probe, onFailure)));
      kept = { checks, until: Date.now() + OUTCOME_KEPT_MS };
    }
    const checks = await kept.checks;
    return { status: statusOf(checks), checks };
  };
}
