import type { Command } from 'commander';
import { areFollowersBarred, followerAtWork, setFollowers, type HandlersFrom } from '../backup/checkpoints.ts';
import { followerNames } from './followers.ts';
import { onLog } from './onShop.ts';

const TOLD: Record<HandlersFrom, string> = {
  'from-here': 'Handlers, relay and deadlines go on after the last event that is in the log now.',
  replay:
    'Handlers, relay and deadlines will handle the whole log AGAIN when a shop is started: charges and mails included.',
};

const set = (from: HandlersFrom): Promise<void> =>
  onLog(async ({ pool, store }) => {
    const busy = await followerAtWork(pool);
    if (busy !== undefined) throw new Error(`A shop runs on this database (${busy} is at work): stop it first.`);
    if (await areFollowersBarred(pool)) {
      throw new Error('An import into this log has not ended: run "cartulary import events" again.');
    }
    await setFollowers(pool, store, { names: followerNames(), from });
    console.log(TOLD[from]);
  });

export function register(program: Command): void {
  const parent = program
    .command('handlers')
    .description('set where handlers go on, after a log was restored or replaced');
  parent
    .command('from-here')
    .description('skip the events that are in the log now; handle later ones')
    .action(() => set('from-here'));
  parent
    .command('replay')
    .description('handle the whole log again, charges and mails included')
    .action(() => set('replay'));
}
