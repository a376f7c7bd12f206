import type { Command } from 'commander';
import { checkAdmin, createAdmin, endFactorByEmail, NAME_DEFAULT, type NewAdmin } from '../compose/admin.ts';
import { isRefusal } from '../errors.ts';
import { onShop, operator, tellSecurity } from './onShop.ts';
import { readPassword } from './password.ts';
import { clean } from './text.ts';
import { words } from './values.ts';

interface Options extends Pick<NewAdmin, 'email' | 'name'> {
  readonly passwordStdin?: boolean;
}

async function create({ passwordStdin = false, ...admin }: Options): Promise<void> {
  const password = await readPassword(passwordStdin);
  await onShop(
    async ({ shop, log }) => {
      const taken = (error: unknown): never => {
        if (!isRefusal(error) || error.rule !== 'ValueTaken') throw error;
        throw new Error(`There is already an account with the e-mail address ${clean(admin.email)}.`, { cause: error });
      };
      const { id, name, email } = await createAdmin(shop.services, { ...admin, password }, { actor: operator() }).catch(
        taken,
      );
      tellSecurity(log, 'change of role', { user: id, role: 'admin' });
      console.log(`Admin ${clean(name)} <${clean(email)}> created (${id}).`);
    },
    { makesShop: true, check: (config) => checkAdmin(config, { ...admin, password }) },
  );
}

async function endFactor({ email, reason }: { readonly email: string; readonly reason?: string }): Promise<void> {
  await onShop(async ({ shop, log }) => {
    const lost = reason === undefined ? { email } : { email, reason };
    const { id, wasOn } = await endFactorByEmail(shop.services, { ...lost, email: clean(email) }, operator());
    if (wasOn) tellSecurity(log, 'second factor off by an admin', { user: id });
    console.log(`The second factor of ${clean(email)} (${id}) ${wasOn ? 'is off now.' : 'was off already.'}`);
  });
}

export function register(program: Command): void {
  const admin = program.command('admin').description('look after administrators');
  admin
    .command('second-factor-off')
    .description('turn off the lost second factor of an account; ends its sessions and mailed links')
    .requiredOption('--email <address>', 'the address that they log in with', words)
    .option('--reason <text>', 'kept with the event, sealed for the person', words)
    .action(endFactor);
  admin
    .command('create')
    .description('register an administrator; the password is asked for, or read from stdin')
    .requiredOption('--email <address>', 'the address that they log in with', words)
    .option('--name <name>', `how they are called (default: ${NAME_DEFAULT})`, words)
    .option('--password-stdin', 'read the password from stdin instead of asking for it')
    .action(create);
}
