import { Type } from 'typebox';
import { sealedInUser } from '../aggregates/sealed.ts';
import { signInEpoch } from '../aggregates/userLinks.ts';
import { unauthenticated } from '../errors.ts';
import { Code, Fields, Password } from '../schema.ts';
import { activeUser } from './auth.ts';
import { defineCommand } from './contract.ts';
import { mustShow, passIfOn } from './secondFactorProof.ts';

const askExport = defineCommand({
  name: 'AskExport',
  summary: 'Ask for an export of my data: the password buys a pass for `GET /users/me/export`',
  tag: 'users',
  route: 'POST /users/me/export',
  access: 'user',
  limit: 'login',
  security: 'export of the data of an account',
  body: Fields({ password: Type.Optional(Password), code: Type.Optional(Code) }),
  result: Fields({ pass: Type.String(), expires_in: Type.Integer({ description: 'Seconds.' }) }),
  codes: ['CONFLICT', 'FORBIDDEN', 'NOT_FOUND'],
  unrepeatable: true,
  async run({ body }, context) {
    const { passwords, personalData, tokens } = context.services;
    const userId = context.actor.id;
    const password = mustShow(body.password, 'the password');
    const user = await activeUser(context, userId);
    const { passwordHash } = await personalData.reveal(user, sealedInUser(userId));
    if (!(await passwords.verify(password, passwordHash)))
      unauthenticated('WrongCredentials', 'The password is wrong.');
    await passIfOn(context, userId, { user, code: body.code });
    const { token, expiresIn } = tokens.pass({ userId, epoch: signInEpoch(user) });
    return { data: { pass: token, expires_in: expiresIn } };
  },
});

export const exportCommands = [askExport];
