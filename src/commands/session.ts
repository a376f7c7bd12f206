import { sessionDecider } from '../aggregates/session.ts';
import { userDecider } from '../aggregates/user.ts';
import { missing } from '../errors.ts';
import { Fields, Id, Message } from '../schema.ts';
import { activeUser } from './auth.ts';
import { defineCommand } from './contract.ts';

const endSession = defineCommand({
  name: 'EndSession',
  summary: 'End a session of mine',
  tag: 'users',
  route: 'DELETE /users/me/sessions/:id',
  access: 'user',
  security: 'end of a session by its user',
  params: Fields({ id: Id }),
  result: Message,
  codes: ['NOT_FOUND'],
  revokes: true,
  async run({ params: { id } }, context) {
    const { state } = await context.load(sessionDecider, id);
    if (state.status === 'none' || state.userId !== context.actor.id) {
      return missing('SessionUnknown', 'You have no such session.');
    }
    await context.handle(sessionDecider, id, { type: 'EndSession', data: { reason: 'ended by its user' } });
    return { data: { message: 'session ended' } };
  },
});

const endOtherSessions = defineCommand({
  name: 'EndOtherSessions',
  summary: 'End all sessions of mine but this one',
  tag: 'users',
  route: 'DELETE /users/me/sessions',
  access: 'user',
  security: 'end of the other sessions by their user',
  result: Message,
  codes: ['NOT_FOUND'],
  revokes: true,
  async run(_input, context) {
    const { id, sessionId = null } = context.actor;
    await activeUser(context, id);
    await context.handle(userDecider, id, { type: 'EndOtherSessions', data: { keptSession: sessionId } });
    return { data: { message: 'all other sessions ended' } };
  },
});

export const sessionCommands = [endSession, endOtherSessions];
