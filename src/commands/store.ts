import { Type } from 'typebox';
import { storeDecider } from '../aggregates/store.ts';
import { userDecider } from '../aggregates/user.ts';
import { stores } from '../projections/stores.ts';
import { Fields, Id, Name, Text } from '../schema.ts';
import { storeIdOf, StoreView, storeView } from '../queries/store.ts';
import { defineChange } from './contract.ts';

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

export const storeCommands = [openStore, updateStore];
