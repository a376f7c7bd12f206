const [MARKER, NOTHING, END, FIRST_RESTART, LAST_RESTART, ALONE] = [0xff, 0x00, 0xd9, 0xd0, 0xd7, 0x01];

/** Whether a marker has nothing behind it that says how long its part is. */
const isBare = (marker: number): boolean =>
  marker === NOTHING || marker === ALONE || (marker >= FIRST_RESTART && marker <= LAST_RESTART);

/**
 * Whether a JPEG has its end marker: the decoder does not always miss it. Each part with a length is passed over, so the end of a small
 * picture in the metadata does not count.
 */
export function hasJpegEnd(bytes: Buffer): boolean {
  let at = 2;
  while (at + 1 < bytes.length) {
    const marker = bytes[at + 1]!;
    if (bytes[at] !== MARKER || marker === MARKER) at += 1;
    else if (marker === END) return true;
    else if (isBare(marker)) at += 2;
    else if (at + 3 < bytes.length) at += 2 + bytes.readUInt16BE(at + 2);
    else return false;
  }
  return false;
}
