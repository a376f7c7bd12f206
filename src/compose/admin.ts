import { emailClaim, normalEmail, PEOPLE } from '../commands/auth.ts';
import { holderOf } from '../commands/claim.ts';
import type { Services } from '../commands/contract.ts';
import { endFactorOf } from '../commands/lostFactor.ts';
import { registerUser } from '../commands/registration.ts';
import { type Config, ConfigError } from '../config/config.ts';
import type { ReadDb } from '../engine/ask/query.ts';
import { carryOut } from '../engine/decide/carryOut.ts';
import { type Actor, SYSTEM } from '../engine/decide/context.ts';
import { isRefusal, Refusal } from '../errors.ts';
import { bodyCheck } from '../http/api/validate.ts';
import { derivedId } from '../platform/ids.ts';
import type { Logger } from '../platform/log.ts';
import type { UserView } from '../queries/user.ts';
import { Email, Fields, Name, Password } from '../schema.ts';
import { commandContext, passwordsOf } from './shop.ts';

export const NAME_DEFAULT = 'Admin';
const FIRST_ADMIN_NAMESPACE = '2d0bb0a5-64f5-5d4b-9d9b-8d6c4f4f5c0e';

export interface NewAdmin {
  readonly email: string;
  readonly password: string;
  readonly name?: string;
}

export const AdminForm = Fields({ email: Email, password: Password, name: Name });
const check = bodyCheck(AdminForm);

function checkForm(admin: NewAdmin): Required<NewAdmin> {
  const registration = { name: NAME_DEFAULT, ...admin };
  const errors = check(registration);
  if (errors.length > 0) throw new Refusal('invalid', 'InvalidInput', 'This admin cannot be created:', { errors });
  return registration;
}

/** Throws when no shop with these settings would register this administrator. Needs no shop. */
export async function checkAdmin(config: Config, admin: NewAdmin): Promise<void> {
  const { email, name, password } = checkForm(admin);
  (await passwordsOf(config)).check(password, 'password', [email, name]);
}

/** Turns off the second factor of the person with this address. Returns their id, and whether it was on. */
export async function endFactorByEmail(
  services: Services,
  { email, reason }: { readonly email: string; readonly reason?: string },
  actor: Actor,
): Promise<{ readonly id: string; readonly wasOn: boolean }> {
  const context = commandContext(services, { actor });
  const found = await holderOf(context, emailClaim(context, email), PEOPLE);
  if (found === undefined) throw new Error(`There is no account with the e-mail address ${email}.`);
  const { appended } = await endFactorOf(context, found.id, reason);
  return { id: found.id, wasOn: appended().length > 0 };
}

/** Registers an administrator by the same rules as any user. With the same `id`, a repeat changes nothing. */
export async function createAdmin(
  services: Services,
  admin: NewAdmin,
  { actor, id }: { actor: Actor; id?: string },
): Promise<UserView> {
  const registration = checkForm(admin);
  const { origin } = commandContext(services, { actor, ...(id === undefined ? {} : { id }) });
  const carried = await carryOut({
    ...{ origin, services },
    run: (context) => registerUser(context, { ...registration, role: 'admin' }),
  });
  if (carried.kind === 'answered') return carried.answer.data as UserView;
  if (carried.kind === 'failed') throw carried.error;
  throw new Error('The admin was created, but the account could not be read back. Do not create it again.', {
    cause: carried.error,
  });
}

/**
 * The first administrator, after a start. `configured`: the account of `ADMIN_EMAIL`. `other`: another account, so none was made. `taken`:
 * none, because the address belongs to an account that is no admin. `none`: none, and none is configured.
 */
export type FirstAdmin = 'configured' | 'other' | 'taken' | 'none';

async function hasAdminOf(services: Services, { email }: NewAdmin): Promise<boolean> {
  const context = commandContext(services, { actor: SYSTEM('setup') });
  const found = await holderOf(context, emailClaim(context, email), PEOPLE);
  return found?.state.status === 'active' && found.state.role === 'admin' && !found.state.deactivated;
}

/**
 * Creates the admin of `ADMIN_EMAIL`, unless there is an active admin. Its ids are derived from the address, so that an
 * interrupted start, or two starts at once, create only one. Resolves to what is true afterwards.
 */
export async function createAdminOnce(
  services: Services,
  db: ReadDb,
  admin: NewAdmin | undefined,
  log: Logger,
): Promise<FirstAdmin> {
  const admins = await db.rows(`SELECT id FROM users WHERE role = 'admin' AND is_active LIMIT 1`);
  if (admin === undefined) return admins.length > 0 ? 'other' : 'none';
  if (admins.length > 0) {
    if (await hasAdminOf(services, admin)) return 'configured';
    log.warn('no admin of ADMIN_EMAIL was made: there is another admin already');
    return 'other';
  }
  const id = derivedId(services.personalData.blindIndex('email', normalEmail(admin.email)), FIRST_ADMIN_NAMESPACE);
  try {
    const made = await createAdmin(services, admin, { actor: SYSTEM('setup'), id });
    log.info({ security: 'change of role', user: made.id, role: 'admin' }, 'the admin of ADMIN_EMAIL exists');
    return 'configured';
  } catch (error) {
    if (!isRefusal(error) || error.kind === 'unavailable') throw error;
    if (error.kind !== 'invalid') {
      log.warn({ err: error }, 'the admin of ADMIN_EMAIL could not be made: the address belongs to another account');
      return 'taken';
    }
    throw new ConfigError(
      error.errors.map(({ field = '', message }) => ({
        name: `ADMIN_${field.toUpperCase()}`,
        // The message begins with the field's name.
        reason: message.slice(field.length).trim(),
      })),
    );
  }
}
