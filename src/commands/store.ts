import { Type } from 'typebox';
import { placeOfStore, type SealedOrOwn } from '../aggregates/sealed.ts';
import { storeDecider } from '../aggregates/store.ts';
import { userDecider } from '../aggregates/user.ts';
import { stores } from '../projections/stores.ts';
import { Fields, Id, Line, Name, Text } from '../schema.ts';
import { storeIdOf, StoreView, storeView } from '../queries/store.ts';
import { missing } from '../errors.ts';
import { type CommandContext, defineChange } from './contract.ts';
import { sealedOrErased } from './reason.ts';

const answers = { row: stores, view: storeView };

const openStore = defineChange({
  name: 'OpenStore',
  summary: 'Open my store and become a seller',
  tag: 'stores',
  route: 'POST /stores',
  access: ['buyer', 'seller'],
  security: 'change of role',
  body: Fields({ name: Name, description: Type.Optional(Text) }),
  status: 201,
  result: StoreView,
  answers,
  codes: ['CONFLICT', 'NOT_FOUND'],
  async run({ body: { name, description = '' } }, context) {
    const ownerId = context.actor.id;
    const storeId = storeIdOf(ownerId);
    const intent = { type: 'OpenStore', data: { ownerId, name: name.trim(), description } } as const;
    const opened = await context.handle(storeDecider, storeId, intent, { step: 'open' });
    await context.handle(userDecider, ownerId, { type: 'GrantSeller', data: { storeId } }, { step: 'grant' });
    return opened;
  },
});

const updateStore = defineChange({
  name: 'UpdateStore',
  summary: 'Change my store',
  tag: 'stores',
  route: 'PUT /stores/:id',
  access: ['seller'],
  params: Fields({ id: Id }),
  body: Fields({ name: Type.Optional(Name), description: Type.Optional(Text) }),
  result: StoreView,
  answers,
  async run({ params, body }, context) {
    const { name, description } = body;
    const data = {
      by: context.actor.id,
      ...(name === undefined ? {} : { name: name.trim() }),
      ...(description === undefined ? {} : { description }),
    };
    const intent = { type: 'UpdateStore', data } as const;
    return context.handle(storeDecider, params.id, intent, { pinned: true });
  },
});

const Reason = Line(500);

/** A reason for what is done to a store, sealed for its owner. */
async function reasonFor(
  context: CommandContext,
  id: string,
  { type, text }: { readonly type: 'StoreSuspended' | 'StoreRestored'; readonly text: string },
): Promise<SealedOrOwn> {
  const { state } = await context.load(storeDecider, id);
  if (state.status !== 'open') return missing('StoreUnknown', 'There is no such store.');
  return sealedOrErased(context, placeOfStore({ id, ownerId: state.ownerId }, `${type}.reason`), text);
}

const suspendStore = defineChange({
  name: 'SuspendStore',
  summary: 'Suspend a store: its products vanish at once, and its open orders go on',
  tag: 'stores',
  route: 'PUT /admin/stores/:id/suspend',
  access: ['admin'],
  security: 'suspension of a store',
  tells: ({ params: { id } }) => ({ target: id }),
  params: Fields({ id: Id }),
  body: Fields({ reason: Reason }),
  result: StoreView,
  answers,
  seenAt: (id) => `/stores/${id}`,
  async run({ params: { id }, body }, context) {
    const reason = await reasonFor(context, id, { type: 'StoreSuspended', text: body.reason });
    return context.handle(storeDecider, id, { type: 'SuspendStore', data: { reason } }, { pinned: true });
  },
});

const restoreStore = defineChange({
  name: 'RestoreStore',
  summary: 'Let a suspended store sell again',
  tag: 'stores',
  route: 'PUT /admin/stores/:id/restore',
  access: ['admin'],
  security: 'restoration of a store',
  tells: ({ params: { id } }) => ({ target: id }),
  params: Fields({ id: Id }),
  body: Fields({ reason: Type.Optional(Reason) }),
  result: StoreView,
  answers,
  seenAt: (id) => `/stores/${id}`,
  async run({ params: { id }, body }, context) {
    const reason =
      body.reason === undefined ? null : await reasonFor(context, id, { type: 'StoreRestored', text: body.reason });
    return context.handle(storeDecider, id, { type: 'RestoreStore', data: { reason } }, { pinned: true });
  },
});

export const storeCommands = [openStore, updateStore, suspendStore, restoreStore];
