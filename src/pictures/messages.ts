import type { Decoded } from './decode.ts';

/** A picture to decode. */
export interface ToDecoder {
  readonly bytes: Uint8Array;
}

/** What became of it. `refused` completes the sentence that begins with the field's name; `failed` is for the log. */
export type ToShop = { readonly decoded: Decoded } | { readonly refused: string } | { readonly failed: string };
