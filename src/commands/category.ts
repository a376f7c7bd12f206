import { categoryDecider, type CategoryState } from '../aggregates/category.ts';
import { claimDecider } from '../aggregates/claim.ts';
import { categories, type CategoryRow } from '../projections/categories.ts';
import { reject } from '../errors.ts';
import { Fields, Id, Message, Name } from '../schema.ts';
import { CategoryView } from '../queries/category.ts';
import type { Handled } from '../engine/decide/services.ts';
import { isDoomed, obtain } from './claim.ts';
import type { Answers } from '../engine/decide/command.ts';
import { type CommandContext, defineChange, defineCommand, type Services } from './contract.ts';
import { stateBefore } from '../engine/decide/answer.ts';

/** The id of the claim that makes a name unique, whatever its case, Unicode form and outer spaces. */
export const claimOf = (context: CommandContext, name: string): string =>
  `category-${context.services.personalData.blindIndex('category', name.normalize('NFKC').trim().toLowerCase())}`;

const CATEGORIES = { decider: categoryDecider, abandon: { type: 'AbandonCategory', data: {} } } as const;

async function claimName(context: CommandContext, name: string, holder: string): Promise<void> {
  const wish = { claimId: claimOf(context, name), holder, step: 'claim' };
  if (await obtain(context, wish, CATEGORIES)) return;
  const message = 'A category with this name exists already.';
  reject('CategoryNameTaken', message, { errors: [{ code: 'CONFLICT', field: 'name', message }] });
}

function releaseName(context: CommandContext, name: string, holder: string): Promise<unknown> {
  const intent = { type: 'ReleaseClaim', data: { holder } } as const;
  return context.handle(claimDecider, claimOf(context, name), intent, { step: 'release', provisional: true });
}

/** Releases the name from before this command, unless the category has that name (again) now. */
async function releaseFormerName(context: CommandContext, id: string, handled: Handled<CategoryState>): Promise<void> {
  const former = await stateBefore(context.services, categoryDecider, id, handled);
  const { state: now } = await context.load(categoryDecider, id);
  if (former.status !== 'active') return;
  if (now.status === 'active' && claimOf(context, now.name) === claimOf(context, former.name)) return;
  await releaseName(context, former.name, id);
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
    await claimName(context, name, id);
    const intent = { type: 'CreateCategory', data: { name } } as const;
    return context.handle(categoryDecider, id, intent, { step: 'create' });
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
  async run({ params: { id }, body }, context) {
    const name = body.name.trim();
    const wanted = claimOf(context, name);
    const { state, revision: known } = await context.load(categoryDecider, id);
    const another = state.status === 'active' && claimOf(context, state.name) !== wanted;
    if (another && !isDoomed(context, known)) await claimName(context, name, id);
    const intent = { type: 'RenameCategory', data: { name } } as const;
    const handled = await context.handle(categoryDecider, id, intent, { step: 'rename', pinned: true });
    await releaseFormerName(context, id, handled);
    return handled;
  },
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
    if (state.status === 'active') await releaseName(context, state.name, id);
    return { data: { message: 'category deleted' } };
  },
});

export const categoryCommands = [createCategory, renameCategory, deleteCategory];
