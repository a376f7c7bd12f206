import { execFileSync } from 'node:child_process';
import { joinProgram } from '../support/bundle.ts';
import { dropTemplate } from '../support/database.ts';
import { ROOT } from '../support/process.ts';
import { startServices } from '../support/services.ts';
import { runChaos } from './chaos.ts';

/**
 * `npm run test:chaos [-- --minutes 10] [--seed 1]`: the long form of the test of the same name. Exits with 1 when an invariant
 * does not hold.
 */
const argument = (name: string, fallback: number): number => {
  const at = process.argv.indexOf(`--${name}`);
  const given = at < 0 ? fallback : Number(process.argv[at + 1]);
  if (!Number.isFinite(given) || given < 0) throw new Error(`--${name} must be a number`);
  return given;
};
const PAUSE_MS = 20_000;
const OF_EACH = 3;
const minutes = argument('minutes', 10);
const seed = argument('seed', Math.floor(Math.random() * 2 ** 31));

execFileSync('npm', ['run', '--silent', 'build'], { cwd: ROOT, stdio: 'inherit' });
const services = await startServices({ programs: [] });
Object.assign(process.env, services.env, { TEST_PROGRAM: await joinProgram() });
let code = 1;
try {
  const outcome = await runChaos({
    seed,
    minutes,
    pauseMs: PAUSE_MS,
    ofEach: OF_EACH,
    say: (line) => console.log(line),
  });
  const takeovers = outcome.timeline.flatMap(({ takeoverMs }) => takeoverMs ?? []);
  console.log(
    `${outcome.timeline.length} faults; slowest takeover ${(Math.max(0, ...takeovers) / 1_000).toFixed(1)} s`,
  );
  console.log(
    `${outcome.commands} commands, ${outcome.requests} requests (${outcome.unanswered} asked again), ${outcome.events} events`,
  );
  for (const violation of outcome.violations) console.error(`✘ ${violation}`);
  console.log(
    outcome.violations.length === 0 ? 'everything holds' : `${outcome.violations.length} violations, seed ${seed}`,
  );
  code = outcome.violations.length === 0 ? 0 : 1;
} catch (error) {
  console.error(`with seed ${seed}:`, error);
}
await dropTemplate();
await services.stop();
process.exit(code);
