/**
 * Named places where a test can kill the process by SIGKILL, like a crash, to test recovery at every step. Off unless
 * `FAILPOINT=<name>[#<n>]` is set: then the n-th pass (default: the first) kills the process.
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
