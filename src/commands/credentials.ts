import { Type } from 'typebox';
import { sealedInUser } from '../aggregates/sealed.ts';
import { ROLES } from '../aggregates/user.ts';
import { Email, Fields, Id, Named, Nullable, Password } from '../schema.ts';
import { emailClaim, PEOPLE } from './auth.ts';
import { holderOf } from './claim.ts';
import { defineCommand } from './contract.ts';

const Verification = Named('Verification', {
  user_id: Nullable(Id),
  role: Nullable(Type.Enum(ROLES)),
  is_active: Nullable(Type.Boolean()),
  valid: Type.Boolean(),
});

const WRONG = { user_id: null, role: null, is_active: null, valid: false };

const verifyCredentials = defineCommand({
  name: 'VerifyCredentials',
  summary: 'Whether an e-mail address and a password belong together; starts no session',
  tag: 'users',
  route: 'POST /admin/verify-credentials',
  aliases: ['POST /verify-credentials'],
  access: ['admin'],
  limit: 'login',
  unrepeatable: true,
  security: 'verification of credentials',
  body: Fields({ email: Email, password: Password }),
  result: Verification,
  async run({ body: { email, password } }, context) {
    const { passwords, personalData } = context.services;
    const found = await holderOf(context, emailClaim(context, email), PEOPLE);
    const user =
      found?.state.status === 'active' ? await personalData.reveal(found.state, sealedInUser(found.id)) : undefined;
    const right = await passwords.verify(password, user?.passwordHash);
    if (!right || found === undefined || user === undefined) return { data: WRONG };
    return { data: { user_id: found.id, role: user.role, is_active: !user.deactivated, valid: true } };
  },
});

export const credentialCommands = [verifyCredentials];
