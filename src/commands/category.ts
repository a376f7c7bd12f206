import {
  type CategoryCommand,
  categoryDecider,
  type CategoryEvent,
  type CategoryState,
} from '../aggregates/category.ts';
import { categoryTreeDecider, childrenOf, parentOf, TREE_ID } from '../aggregates/categoryTree.ts';
import { categories, type CategoryRow } from '../projections/categories.ts';
import { invalid, reject } from '../errors.ts';
import { Fields, Id, Message, Name, Nullable } from '../schema.ts';
import { Type } from 'typebox';
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
import { checkOnce, stateBefore, wasHandled } from '../engine/decide/answer.ts';

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

/** Renames and moves, at the claims that the category has now. */
async function change(
  context: CommandContext,
  { id, move, ...wish }: { readonly id: string; readonly name: string | undefined; readonly move: () => Promise<void> },
): Promise<Done<CategoryState, CategoryEvent>> {
  const known = await context.load(categoryDecider, id);
  const name = wish.name ?? (known.state.status === 'active' ? known.state.name : '');
  const wanted = claimOf(context, name);
  const former = known.state.status === 'active' ? claimOf(context, known.state.name) : wanted;
  const turn = former === wanted ? 0 : await turnOf(context, former);
  const claimed = await claimNewName(context, { id, name }, known);
  const usable = claimed !== undefined || former === wanted;
  const claimEpoch = usable && known.state.status === 'active' ? known.state.claimEpoch : 0;
  const intent = { type: 'RenameCategory', data: { name, claimEpoch } } as const;
  const isThere = known.state.status === 'active' && !isDoomed(context, known.revision);
  const handled = await using(context, claimed, async () => {
    if (isThere) await move();
    return context.handle(categoryDecider, id, intent, { step: 'rename', pinned: true });
  });
  if (handled.repeated) {
    const before = await stateBefore(context.services, categoryDecider, id, handled);
    const claimId = before.status === 'active' ? claimOf(context, before.name) : wanted;
    await releaseUnused(context, { claimId, holder: id }, CATEGORIES);
  } else if (former !== wanted) await releaseTurn(context, { claimId: former, holder: id, turn });
  return handled;
}

/** Puts a category, with its branch, below a parent; null: below none. */
async function place(context: CommandContext, id: string, parentId: string | null, provisional = false): Promise<void> {
  const stream = streamOf(categoryTreeDecider.category, TREE_ID);
  await checkOnce(context, { stream, step: 'place' }, async () => {
    if (parentId === null) return;
    const { state } = await context.load(categoryDecider, parentId);
    if (state.status !== 'active') invalid('parent_id', 'must be the id of a category that exists');
  });
  const intent = { type: 'PlaceCategory', data: { categoryId: id, parentId } } as const;
  await context.handle(categoryTreeDecider, TREE_ID, intent, { step: 'place', provisional });
}

/**
 * Says in the tree that nothing can be put below the category any more. Children whose creation stopped half way are given up first:
 * they can no longer be created.
 */
async function removeFromTree(context: CommandContext, id: string): Promise<void> {
  const remove = (categoryId: string, provisional: boolean) =>
    context.handle(
      categoryTreeDecider,
      TREE_ID,
      { type: 'RemoveCategory', data: { categoryId } },
      {
        step: `remove ${categoryId}`,
        provisional,
      },
    );
  const { state: tree } = await context.load(categoryTreeDecider, TREE_ID);
  for (const child of childrenOf(tree, id)) {
    const { state } = await context.load(categoryDecider, child);
    if (state.status === 'active') continue;
    const abandon = { type: 'AbandonCategory', data: {} } as const;
    await context.handle(categoryDecider, child, abandon, { step: `abandon ${child}`, provisional: true });
    if ((await context.load(categoryDecider, child)).state.status !== 'active') await remove(child, true);
  }
  await remove(id, true);
}

const answers: Answers<CategoryRow, Services> = {
  row: categories,
  async view({ id, name, created_at, updated_at }, context) {
    const { state: tree } = await context.load(categoryTreeDecider, TREE_ID);
    return { id, name, parent_id: parentOf(tree, id), created_at, updated_at };
  },
};

const createCategory = defineChange({
  name: 'CreateCategory',
  summary: 'Create a category',
  tag: 'categories',
  route: 'POST /categories',
  access: ['admin'],
  body: Fields({ name: Name, parent_id: Type.Optional(Nullable(Id)) }),
  status: 201,
  result: CategoryView,
  answers,
  codes: ['CONFLICT'],
  async run({ body }, context) {
    const id = context.derive('category');
    const name = body.name.trim();
    const { state } = await context.load(categoryDecider, id);
    const claimed = state.status === 'none' ? await claimName(context, name, id) : undefined;
    const parentId = body.parent_id ?? undefined;
    const data = { name, ...(parentId === undefined ? {} : { parentId }) };
    return using(context, claimed, async () => {
      if (parentId !== undefined && state.status === 'none') await place(context, id, parentId, true);
      return context.handle(categoryDecider, id, { type: 'CreateCategory', data }, { step: 'create' });
    });
  },
});

const renameCategory = defineChange({
  name: 'RenameCategory',
  summary: 'Rename a category, or move it with its branch',
  tag: 'categories',
  route: 'PUT /categories/:id',
  access: ['admin'],
  params: Fields({ id: Id }),
  body: Fields({ name: Type.Optional(Name), parent_id: Type.Optional(Nullable(Id)) }),
  result: CategoryView,
  answers,
  codes: ['CONFLICT'],
  check({ name, parent_id: parentId }) {
    if (name === undefined && parentId === undefined) invalid('name', 'must be given, or `parent_id`');
  },
  run({ params: { id }, body: { name, parent_id: parentId } }, context) {
    let moved = parentId === undefined;
    const move = async (): Promise<void> => {
      if (moved) return;
      await place(context, id, parentId ?? null);
      moved = true;
    };
    return onCurrentClaims(() => change(context, { id, name: name?.trim(), move }));
  },
});

const deleteCategory = defineCommand({
  name: 'DeleteCategory',
  summary: 'Delete a category that no product is in and no category is below',
  tag: 'categories',
  route: 'DELETE /categories/:id',
  access: ['admin'],
  params: Fields({ id: Id }),
  result: Message,
  codes: ['CONFLICT'],
  async run({ params: { id } }, context) {
    const { state, revision } = await context.load(categoryDecider, id);
    const productsInIt = await context.services.hints.productsInCategory(id);
    const intent = { type: 'DeleteCategory', data: { productsInIt } } as const;
    const goes = state.status === 'active' && productsInIt === 0 && !isDoomed(context, revision);
    if (goes) await removeFromTree(context, id);
    await context.handle(categoryDecider, id, intent, { step: 'delete', pinned: true });
    if (state.status === 'active') {
      await releaseUnused(context, { claimId: claimOf(context, state.name), holder: id }, CATEGORIES);
    }
    return { data: { message: 'category deleted' } };
  },
});

export const categoryCommands = [createCategory, renameCategory, deleteCategory];
