import type { Picture } from '../aggregates/picture.ts';
import { productDecider } from '../aggregates/product.ts';
import { storeDecider } from '../aggregates/store.ts';
import { isOutcomeUnknown, isRefusal, missing } from '../errors.ts';
import { checkOnce } from '../engine/decide/answer.ts';
import type { Caller, CommandInput, Upload } from '../engine/decide/command.ts';
import { streamOf } from '../eventstore/eventStore.ts';
import { KINDS } from '../pictures/kind.ts';
import { stores } from '../projections/stores.ts';
import { ProductView } from '../queries/product.ts';
import { storeIdOf, StoreView, storeView } from '../queries/store.ts';
import { Fields, Id } from '../schema.ts';
import { type CommandContext, defineChange, type Services } from './contract.ts';
import { answers as productAnswers } from './product.ts';

const params = Fields({ id: Id });
const CODES = ['PAYLOAD_TOO_LARGE', 'UNSUPPORTED_MEDIA_TYPE'];

const uploadOf = (field: string, admit: Upload<Services>['admit']): Upload<Services> => ({
  field,
  description: 'A JPEG, PNG or WebP picture; its content decides which.',
  types: Object.values(KINDS),
  maxBytes: ({ settings }) => settings.uploadMaxBytes,
  admit,
});

/** The id is in the path of every command here. */
const idIn = ({ id }: Readonly<Record<string, unknown>>): string => String(id);

async function mustBeTheirProduct(
  { params: given }: Pick<CommandInput<undefined, undefined>, 'params'>,
  caller: Caller<Services>,
) {
  const { state } = await caller.services.aggregates.load(productDecider, idIn(given));
  if (state.status === 'listed' && state.sellerId === caller.actor.id) return;
  missing('ProductUnknown', 'You have no product with this id.');
}

async function mustBeTheirStore(
  { params: given }: Pick<CommandInput<undefined, undefined>, 'params'>,
  caller: Caller<Services>,
) {
  const { state } = await caller.services.aggregates.load(storeDecider, idIn(given));
  if (state.status === 'open' && state.ownerId === caller.actor.id) return;
  missing('StoreUnknown', 'You have no store with this id.');
}

interface Taking<T> {
  readonly context: CommandContext;
  readonly upload: Upload<Services>;
  readonly stream: string;
  readonly input: { readonly params: { readonly id: string }; readonly file?: Buffer };
  /** Records the picture. */
  readonly record: (picture: Picture) => Promise<T>;
}

/**
 * Keeps the picture's files, then records it. The key is derived from the command, so a repeat writes the same files again. The files
 * of a picture that was refused go.
 */
async function take<T>({ context, upload, stream, input, record }: Taking<T>): Promise<T> {
  const { pictures } = context.services;
  await checkOnce(context, { stream }, () => upload.admit(input, context));
  const key = context.derive('picture');
  const picture = await pictures.keep(key, { field: upload.field, bytes: input.file ?? Buffer.alloc(0) });
  try {
    return await record(picture);
  } catch (error) {
    if (isRefusal(error) && !isOutcomeUnknown(error)) await pictures.discard(key);
    throw error;
  }
}

const image = uploadOf('image', mustBeTheirProduct);
const logo = uploadOf('logo', mustBeTheirStore);

const changeProductImage = defineChange({
  name: 'ChangeProductImage',
  summary: 'Give a product of mine a picture, in place of the one it has',
  tag: 'products',
  route: 'POST /products/:id/image',
  access: ['seller'],
  params,
  upload: image,
  result: ProductView,
  answers: productAnswers,
  codes: CODES,
  run: (input, context) =>
    take({
      ...{ context, input, upload: image, stream: streamOf(productDecider.category, input.params.id) },
      record: (picture) =>
        context.handle(
          productDecider,
          input.params.id,
          { type: 'ChangeProductImage', data: { by: context.actor.id, image: picture } },
          { pinned: true },
        ),
    }),
});

const removeProductImage = defineChange({
  name: 'RemoveProductImage',
  summary: 'Take the picture of a product of mine away',
  tag: 'products',
  route: 'DELETE /products/:id/image',
  access: ['seller'],
  params,
  result: ProductView,
  answers: productAnswers,
  run: ({ params: { id } }, context) =>
    context.handle(
      productDecider,
      id,
      { type: 'RemoveProductImage', data: { by: context.actor.id } },
      { pinned: true },
    ),
});

const storeAnswers = { row: stores, view: storeView };

const changeStoreLogo = defineChange({
  name: 'ChangeStoreLogo',
  summary: 'Give my store a logo, in place of the one it has',
  tag: 'stores',
  route: 'POST /stores/:id/logo',
  access: ['seller'],
  params,
  upload: logo,
  result: StoreView,
  answers: storeAnswers,
  codes: CODES,
  run: (input, context) =>
    take({
      ...{ context, input, upload: logo, stream: streamOf(storeDecider.category, input.params.id) },
      record: (picture) =>
        context.handle(
          storeDecider,
          input.params.id,
          { type: 'ChangeStoreLogo', data: { by: context.actor.id, logo: picture } },
          { pinned: true },
        ),
    }),
});

const removeStoreLogo = defineChange({
  name: 'RemoveStoreLogo',
  summary: 'Take the logo of my store away',
  tag: 'stores',
  route: 'DELETE /stores/:id/logo',
  access: ['seller'],
  params,
  result: StoreView,
  answers: storeAnswers,
  run: ({ params: { id } }, context) =>
    context.handle(storeDecider, id, { type: 'RemoveStoreLogo', data: { by: context.actor.id } }, { pinned: true }),
});

/** Takes the logo of an erased seller's store away: it may show the person. Their products were taken off sale before. */
export async function removeLogoOf(context: CommandContext, ownerId: string): Promise<void> {
  const id = storeIdOf(ownerId);
  const { state } = await context.load(storeDecider, id);
  if (state.status !== 'open' || state.logo === null) return;
  const step = { step: 'remove the logo', provisional: true };
  await context.handle(storeDecider, id, { type: 'RemoveStoreLogo', data: { by: ownerId } }, step);
}

export const pictureCommands = [changeProductImage, removeProductImage, changeStoreLogo, removeStoreLogo];
