import type { Command } from 'commander';
import { shownPictures } from '../compose/pictures.ts';
import { sweep, SWEPT_MAX } from '../pictures/tidy.ts';
import { onShop } from './onShop.ts';
import { whole } from './values.ts';

const HOUR_MS = 3_600_000;
/** Longer than a repeat under an idempotency key may take up the files of an upload again. */
const HOURS_DEFAULT = 48;
/** Below it, the files of an upload that is under way could go. */
const HOURS_MIN = 1;
const HOURS_MAX = 24 * 365;

interface Options {
  readonly dryRun?: boolean;
  readonly hours?: number;
  readonly limit?: number;
  readonly json?: boolean;
}

const sweepOnce = ({
  dryRun = false,
  hours = HOURS_DEFAULT,
  limit = SWEPT_MAX,
  json = false,
}: Options): Promise<void> =>
  onShop(
    async ({ shop }) => {
      const { storage } = shop.pictures;
      const now = (): string => new Date().toISOString();
      const found = await sweep({ storage, shown: shownPictures(shop), now, ageMs: hours * HOUR_MS, limit, dryRun });
      const more = found === limit;
      const told = found === 1 ? '1 picture that nothing shows' : `${found} pictures that nothing shows`;
      if (json) console.log(JSON.stringify({ found, removed: dryRun ? 0 : found, more }));
      else console.log(`${dryRun ? 'Would remove' : 'Removed'} ${told}.`);
      if (more) console.error('There may be more: sweep again.');
    },
    { readOnly: true },
  );

export function register(program: Command): void {
  const pictures = program.command('pictures').description('the files of pictures of products and stores');
  pictures
    .command('sweep')
    .description('remove the files of pictures that no product and no store shows')
    .option('--dry-run', 'only count them')
    .option(
      '--hours <n>',
      `leave alone those written in the last n hours; ${HOURS_DEFAULT} unless given`,
      whole(HOURS_MIN, HOURS_MAX),
    )
    .option('--limit <n>', `that many at most; ${SWEPT_MAX} unless given`, whole(1, SWEPT_MAX))
    .option('--json', 'as JSON')
    .action(sweepOnce);
}
