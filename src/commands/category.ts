import {
  type CategoryCommand,
  categoryDecider,
  type CategoryEvent,
  type CategoryState,
} from '../aggregates/category.ts';
import { categories, type CategoryRow } from '../projections/categories.ts';
import { reject } from '../errors.ts';
import { Fields, Id, Message, Name } from '../schema.ts';
import { CategoryView } from '../queries/category.ts';
import type { Done } from '../engine/decide/context.ts';
import type { Loaded } from '../engine/decide/services.ts';
import { streamOf } from '../eventstore/eventStore.ts';
import {
  type Claim,
  type Holders,
  isDoomed,
  obtain,
  onCurrentClaims,
  releaseTurn,
  releaseUnused,
  turnOf,
  using,
} from './claim.ts';
import type { Answers } from '../engine/decide/command.ts';
import { type CommandContext, defineChange, defineCommand, type Services } from './contract.ts';
import { stateBefore, wasHandled } from '../engine/decide/answer.ts';

/** The id of the claim that makes a name unique, whatever its case, Unicode form and outer spaces. */
export const claimOf = (context: CommandContext, name: string): string =>
  `category-${context.services.personalData.blindIndex('category', name.normalize('NFKC').trim().toLowerCase())}`;

export const CATEGORIES: Holders<CategoryState, CategoryCommand, CategoryEvent> = {
  decider: categoryDecider,
  uses: (context, { state }, claimId) => state.status === 'active' && claimOf(context, state.name) === claimId,
  fence: (state, claim) =>
    state.status === 'active'
      ? { type: 'AbandonCategoryClaim', data: { claim, claimEpoch: state.claimEpoch } }
      : { type: 'AbandonCategory', data: {} },
};

async function claimName(context: CommandContext, name: string, holder: string): Promise<Claim> {
  const claimed = await obtain(context, { claimId: claimOf(context, name), holder, step: 'claim' }, CATEGORIES);
  if (claimed !== undefined) return claimed;
  const message = 'A category with this name exists already.';
  return reject('CategoryNameTaken', message, { errors: [{ code: 'CONFLICT', field: 'name', message }] });
}

/** Claims the wanted name, unless the category has it, or the command will be refused or has been handled. */
async function claimNewName(
  context: CommandContext,
  { id, name }: { readonly id: string; readonly name: string },
  { state, revision }: Pick<Loaded<CategoryState>, 'state' | 'revision'>,
): Promise<Claim | undefined> {
  if (state.status !== 'active' || claimOf(context, state.name) === claimOf(context, name)) return undefined;
  if (isDoomed(context, revision)) return undefined;
  const stream = streamOf(categoryDecider.category, id);
  if (await wasHandled(context.services, stream, { ...context.origin, id: context.derive('rename') })) return undefined;
  return claimName(context, name, id);
}

/** Renames at the claims that the category has now. */
async function rename(context: CommandContext, id: string, name: string): Promise<Done<CategoryState, CategoryEvent>> {
  const wanted = claimOf(context, name);
  const known = await context.load(categoryDecider, id);
  const former = known.state.status === 'active' ? claimOf(context, known.state.name) : wanted;
  const turn = former === wanted ? 0 : await turnOf(context, former);
  const claimed = await claimNewName(context, { id, name }, known);
  const usable = claimed !== undefined || former === wanted;
  const claimEpoch = usable && known.state.status === 'active' ? known.state.claimEpoch : 0;
  const intent = { type: 'RenameCategory', data: { name, claimEpoch } } as const;
  const handled = await using(context, claimed, () =>
    context.handle(categoryDecider, id, intent, { step: 'rename', pinned: true }),
  );
  if (handled.repeated) {
    const before = await stateBefore(context.services, categoryDecider, id, handled);
    const claimId = before.status === 'active' ? claimOf(context, before.name) : wanted;
    await releaseUnused(context, { claimId, holder: id }, CATEGORIES);
  } else if (former !== wanted) await releaseTurn(context, { claimId: former, holder: id, turn });
  return handled;
}

const answers: Answers<CategoryRow, Services> = {
  row: categories,
  view: ({ id, name, created_at, updated_at }) => ({ id, name, created_at, updated_at }),
};

const createCategory = defineChange({
  name: 'CreateCategory',
  summary: 'Create a category',
  tag: 'categories',
  route: 'POST /categories',
  access: ['admin'],
  body: Fields({ name: Name }),
  status: 201,
  result: CategoryView,
  answers,
  codes: ['CONFLICT'],
  async run({ body }, context) {
    const id = context.derive('category');
    const name = body.name.trim();
    const { state } = await context.load(categoryDecider, id);
    const claimed = state.status === 'none' ? await claimName(context, name, id) : undefined;
    const intent = { type: 'CreateCategory', data: { name } } as const;
    return using(context, claimed, () => context.handle(categoryDecider, id, intent, { step: 'create' }));
  },
});

const renameCategory = defineChange({
  name: 'RenameCategory',
  summary: 'Rename a category',
  tag: 'categories',
  route: 'PUT /categories/:id',
  access: ['admin'],
  params: Fields({ id: Id }),
  body: Fields({ name: Name }),
  result: CategoryView,
  answers,
  codes: ['CONFLICT'],
  run: ({ params: { id }, body }, context) => onCurrentClaims(() => rename(context, id, body.name.trim())),
});

const deleteCategory = defineCommand({
  name: 'DeleteCategory',
  summary: 'Delete a category that no product is in',
  tag: 'categories',
  route: 'DELETE /categories/:id',
  access: ['admin'],
  params: Fields({ id: Id }),
  result: Message,
  codes: ['CONFLICT'],
  async run({ params: { id } }, context) {
    const { state } = await context.load(categoryDecider, id);
    const productsInIt = await context.services.hints.productsInCategory(id);
    const intent = { type: 'DeleteCategory', data: { productsInIt } } as const;
    await context.handle(categoryDecider, id, intent, { step: 'delete', pinned: true });
    if (state.status === 'active') {
      await releaseUnused(context, { claimId: claimOf(context, state.name), holder: id }, CATEGORIES);
    }
    return { data: { message: 'category deleted' } };
  },
});

export const categoryCommands = [createCategory, renameCategory, deleteCategory];
