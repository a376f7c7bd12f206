import { randomFillSync } from 'node:crypto';
import { v7 as uuidv7 } from 'uuid';

const ID_BYTES = 16;
/** Random bytes are drawn for so many ids at once: drawn one by one they cost more than all of the rest of an id. */
const IDS_DRAWN = 256;
const drawn = new Uint8Array(ID_BYTES * IDS_DRAWN);
let at = drawn.length;

function randomBytes(): Uint8Array {
  if (at === drawn.length) {
    randomFillSync(drawn);
    at = 0;
  }
  return drawn.subarray(at, (at += ID_BYTES));
}

/** An id that nobody has had before (UUID v7): what is made under it is made for this one call, and never comes again. */
export const freshId = (): string => uuidv7({ rng: randomBytes });
