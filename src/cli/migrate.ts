import path from 'node:path';
import type { Command } from 'commander';
import { migrateCreate, migrateDown, migrateStatus, migrateUp } from '../platform/postgres/migrate.ts';
import { onDatabase } from './command.ts';
import { packageRoot } from '../platform/version.ts';

const list = (verb: string, names: readonly string[], none: string): void => {
  if (names.length === 0) console.log(none);
  for (const name of names) console.log(`${verb} ${name}`);
};

export function register(program: Command): void {
  const migrate = program.command('migrate').description("change the database's schema");
  migrate
    .command('up')
    .description('apply every pending migration (serve does this by itself)')
    .action(() =>
      onDatabase(
        async ({ url }) => list('applied', await migrateUp(url), 'Nothing to apply: the schema is up to date.'),
        { makesShop: true },
      ),
    );
  migrate
    .command('down')
    .description('take back the last migration, and with it the data of what it made')
    .action(() => onDatabase(async ({ url }) => list('took back', await migrateDown(url), 'Nothing to take back.')));
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
