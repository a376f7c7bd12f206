import type { ReplacedKey } from '../aggregates/picture.ts';
import type { Subscription } from '../bus/bus.ts';
import type { Services } from '../commands/contract.ts';

/** Readers that were shown the address of a picture before it was replaced may still ask for it, ms. */
const SHOWN_MS = 5_000;

const TYPES = ['ProductImageChanged', 'ProductImageRemoved', 'StoreLogoChanged', 'StoreLogoRemoved'];

/** Has the files of a replaced picture looked at. They go once no read model shows the picture, however far that is behind. */
export const pictures = ({ services }: { readonly services: Services }): Subscription => ({
  name: 'pictures',
  types: TYPES,
  async handle({ event }) {
    const { replaced } = event.data as { readonly replaced: ReplacedKey };
    if (replaced !== null) await services.pictures.release(replaced, SHOWN_MS);
  },
});
