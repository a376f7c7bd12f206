import { Type } from 'typebox';
import { ADMINISTRATION_ID, administrationDecider } from '../aggregates/administration.ts';
import { placeOfAct, type Sealed, type SealedName } from '../aggregates/sealed.ts';
import { DeadLetterView, deadLetterView, ProjectionView, projectionView } from '../queries/administration.ts';
import { Fields, Id, Line } from '../schema.ts';
import type { Answer } from '../engine/decide/command.ts';
import { type CommandContext, defineCommand } from './contract.ts';

const Reason = Line(500);
const PROJECTION = /^[\w-]{1,40}$/;

/** The reason of an act, sealed for the administrator who gives it. */
const sealed = (context: CommandContext, field: SealedName, text: string): Promise<Sealed> =>
  context.services.personalData.seal(placeOfAct(context.actor.id, field), text);
const sealedIfAny = async (
  context: CommandContext,
  field: SealedName,
  text: string | undefined,
): Promise<Sealed | null> => (text === undefined ? null : sealed(context, field, text));

const requestRebuild = defineCommand({
  name: 'RequestRebuild',
  summary: 'Rebuild a read model from the log, while the old one goes on serving',
  tag: 'administration',
  route: 'POST /admin/projections/:projection/rebuild',
  access: ['admin'],
  security: 'rebuild of a read model',
  tells: ({ params: { projection } }) => ({ target: projection }),
  params: Fields({
    projection: Type.String({
      maxLength: 40,
      pattern: PROJECTION.source,
      description: 'the name of a read model, of 1 to 40 characters',
    }),
  }),
  body: Fields({ reason: Type.Optional(Reason) }),
  result: ProjectionView,
  codes: ['CONFLICT', 'NOT_FOUND'],
  async run({ params: { projection: name }, body }, context) {
    const { operations } = context.services;
    const turn = await operations.takeRebuildTurn(name, context.actor.id);
    try {
      const reason = await sealedIfAny(context, 'RebuildRequested.reason', body.reason);
      const intent = { type: 'RequestRebuild', data: { projection: name, reason } } as const;
      await context.handle(administrationDecider, ADMINISTRATION_ID, intent);
    } catch (error) {
      await turn.giveBack();
      throw error;
    }
    await turn.start();
    const health = (await operations.projections()).find((one) => one.name === name)!;
    return { data: projectionView(health) };
  },
});

type Act = 'retry' | 'skip';

/** Records the act, then asks for it: a repeat of what was cut off in between asks again. */
async function onDeadLetter(
  context: CommandContext,
  id: string,
  { act, reason }: { act: Act; reason?: string },
): Promise<Answer> {
  const { operations } = context.services;
  const { consumer, eventId } = await operations.deadLetter(id);
  await operations.deadLetterMustBeDead(id, act);
  const letter = { deadLetterId: id, consumer, eventId };
  const intent =
    act === 'skip'
      ? ({
          type: 'SkipDeadLetter',
          data: { ...letter, reason: await sealed(context, 'DeadLetterSkipped.reason', reason!) },
        } as const)
      : ({
          type: 'RetryDeadLetter',
          data: { ...letter, reason: await sealedIfAny(context, 'DeadLetterRetried.reason', reason) },
        } as const);
  await context.handle(administrationDecider, ADMINISTRATION_ID, intent);
  await operations.askDeadLetter(id, act, context.actor.id);
  return { data: deadLetterView(await operations.deadLetter(id)) };
}

const retryDeadLetter = defineCommand({
  name: 'RetryDeadLetter',
  summary: 'Have an event handled again, with those that wait behind it',
  tag: 'administration',
  route: 'POST /admin/dead-letters/:id/retry',
  access: ['admin'],
  params: Fields({ id: Id }),
  body: Fields({ reason: Type.Optional(Reason) }),
  result: DeadLetterView,
  codes: ['CONFLICT', 'NOT_FOUND'],
  run: ({ params: { id }, body: { reason } }, context) =>
    onDeadLetter(context, id, { act: 'retry', ...(reason === undefined ? {} : { reason }) }),
});

const skipDeadLetter = defineCommand({
  name: 'SkipDeadLetter',
  summary: 'Leave an event out for good, and have those that wait behind it handled',
  tag: 'administration',
  route: 'POST /admin/dead-letters/:id/skip',
  access: ['admin'],
  security: 'skip of an event',
  tells: ({ params: { id } }) => ({ target: id }),
  params: Fields({ id: Id }),
  body: Fields({ reason: Reason }),
  result: DeadLetterView,
  codes: ['CONFLICT', 'NOT_FOUND'],
  run: ({ params: { id }, body: { reason } }, context) => onDeadLetter(context, id, { act: 'skip', reason }),
});

export const administrationCommands = [requestRebuild, retryDeadLetter, skipDeadLetter];
