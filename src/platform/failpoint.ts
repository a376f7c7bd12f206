/**
 * Named places where a test may kill the process (SIGKILL, as a power cut would), so that recovery is proven at every
 * step and not just hoped for. Off unless `FAILPOINT=<name>[#<n>]` is configured: then the n-th pass (default 1) kills.
 */
let armed: { name: string; left: number } | undefined;

export function armFailpoint(spec: string | undefined): void {
  if (spec === undefined || spec === '') {
    armed = undefined;
    return;
  }
  const [, name = spec, count] = /^(.*?)(?:#(\d+))?$/.exec(spec) ?? [];
  armed = { name, left: Number(count ?? '1') };
}

export function failpoint(name: string): void {
  if (armed?.name !== name) return;
  armed.left -= 1;
  if (armed.left === 0) process.kill(process.pid, 'SIGKILL');
}
