import { expect } from 'chai';
import { runChaos } from './chaos.ts';

/** Longer than a lease, so that another process takes over the leases of a paused one. */
const PAUSE_MS = 10_000;
/** The long run has three. Two have the same faults and the same takeovers, and start in two thirds of the time. */
const OF_EACH = 2;
const SEEDS = 2 ** 31;

describe('chaos', function () {
  this.timeout(600_000);

  it('loses nothing, doubles nothing and oversells nothing, when processes are killed or paused, and servers wiped', async () => {
    const seed = Number(process.env['TEST_SEED'] ?? Math.floor(Math.random() * SEEDS));
    const say = (line: string): void => console.log(`      ${line}`);
    const outcome = await runChaos({ seed, minutes: 'each fault once', pauseMs: PAUSE_MS, ofEach: OF_EACH, say });
    say(
      `${outcome.commands} commands, ${outcome.requests} requests (${outcome.unanswered} asked again), ${outcome.events} events`,
    );
    expect(outcome.violations, `with TEST_SEED=${seed}`).to.deep.equal([]);
    expect(outcome.commands).to.be.greaterThan(100);
  });
});
