import path from 'node:path';
import type { Command } from 'commander';
import { migrateShop } from '../compose/migrate.ts';
import { migrateCreate, migrateDown, migrateStatus } from '../platform/postgres/migrate.ts';
import { onDatabase } from './command.ts';
import { tellSecurity } from './onShop.ts';
import { packageRoot } from '../platform/version.ts';

const list = (verb: string, names: readonly string[], none: string): void => {
  if (names.length === 0) console.log(none);
  for (const name of names) console.log(`${verb} ${name}`);
};

const MORE = `
One migration at a time, and never beside a running shop. Where the log itself would be deleted, nothing
happens without --destroy-log. Read models whose tables come back empty fill again from the log.`;

/** The migration whose tables record what handlers have done. */
const FOLLOWERS = '0002_followers';
const HANDLERS_BEGIN_AGAIN =
  'What handlers have done is no longer recorded: at the next start they would handle every event AGAIN, mails included. ' +
  'After "cartulary migrate up" run "cartulary handlers from-here" to go on with what comes from then on.';

export function register(program: Command): void {
  const migrate = program.command('migrate').description("change the database's schema");
  migrate
    .command('up')
    .description('apply every pending migration (serve does this by itself)')
    .action(() =>
      onDatabase(
        async ({ url }) => list('applied', await migrateShop(url), 'Nothing to apply: the schema is up to date.'),
        { makesShop: true },
      ),
    );
  migrate
    .command('down')
    .description('take back the migration that was applied last, and with it the data of what it made')
    .option('--destroy-log <database>', 'the name of the database whose log, with all events, may be deleted')
    .addHelpText('after', MORE)
    .action(({ destroyLog }: { destroyLog?: string }) =>
      onDatabase(async ({ url, log }) => {
        const name = await migrateDown(url, destroyLog === undefined ? {} : { destroyLog });
        if (destroyLog !== undefined) tellSecurity(log, 'migration taken back with --destroy-log', { migration: name });
        list('took back', name === undefined ? [] : [name], 'Nothing to take back.');
        if (name === FOLLOWERS) console.error(HANDLERS_BEGIN_AGAIN);
      }),
    );
  migrate
    .command('status')
    .description('show which migrations are applied and which are pending')
    .option('--json', 'as JSON')
    .action(({ json = false }: { json?: boolean }) =>
      onDatabase(async ({ url }) => {
        const status = await migrateStatus(url);
        if (json) {
          console.log(JSON.stringify(status));
          return;
        }
        for (const name of status.applied) console.log(`applied  ${name}`);
        for (const name of status.pending) console.log(`pending  ${name}`);
      }),
    );
  migrate
    .command('create')
    .description('write the next empty migration into migrations/')
    .argument('<name>', 'what it does, such as add_coupons')
    .action(async (name: string) => console.log(await migrateCreate(name, path.join(packageRoot(), 'migrations'))));
}
