import { Type } from 'typebox';
import { sealedInUser } from '../aggregates/sealed.ts';
import { sessionDecider, type SessionEnded } from '../aggregates/session.ts';
import { userDecider } from '../aggregates/user.ts';
import type { Answer } from '../engine/decide/command.ts';
import { pagesOf, rowAt } from '../engine/decide/answer.ts';
import { SecurityFinding } from '../errors.ts';
import { streamOf } from '../eventstore/eventStore.ts';
import { users } from '../projections/users.ts';
import { UserView, userView } from '../queries/user.ts';
import { Named } from '../schema.ts';
import type { CommandContext } from './contract.ts';

export const TokenPair = Named('TokenPair', {
  access_token: Type.String(),
  refresh_token: Type.String(),
  token_type: Type.Literal('Bearer'),
  expires_in: Type.Integer(),
  user: UserView,
});

/**
 * Reads all that an answer with tokens needs, and returns the function that makes it. A command calls this before its effect: after
 * it, nothing is read that could fail and keep the tokens from the caller.
 */
export async function tokenAnswer(context: CommandContext, userId: string, revision: bigint) {
  const { tokens, personalData } = context.services;
  const row = await rowAt(context.services, users, streamOf(userDecider.category, userId), revision);
  const user = await personalData.reveal(userView(row), sealedInUser(userId));
  return (sessionId: string, refreshToken: string): Answer => {
    const { token, expiresIn } = tokens.issue({ userId, role: row.role, sessionId, revision });
    const data = {
      access_token: token,
      refresh_token: refreshToken,
      token_type: 'Bearer',
      expires_in: expiresIn,
      user,
    };
    return { data };
  };
}

/**
 * Whether a refresh token from before random ones was made with a signing secret that is still listed. Whoever knows a secret can
 * compute such a token, so it ends with its secret.
 */
export async function isStillDerived({ services }: CommandContext, sessionId: string, token: string): Promise<boolean> {
  for await (const page of pagesOf(services.store, streamOf(sessionDecider.category, sessionId))) {
    const ids = page.map(({ metadata }) => metadata.commandId);
    if (services.tokens.isDerived(token, sessionId, ids)) return true;
  }
  return false;
}

/** The end of a session by a refresh token that should not have come. The reuse of a spent one means that it was copied. */
export const endOf = ({ userId, reason }: SessionEnded['data'], session: string): SecurityFinding =>
  reason === 'token reused'
    ? new SecurityFinding('reuse of a refresh token', { user: userId, session })
    : new SecurityFinding('end of a session', { user: userId, session, reason });
