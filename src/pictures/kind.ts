/** The kinds of pictures that are accepted, by the names that the decoder has for them, with the media types that callers send. */
export const KINDS = { jpeg: 'image/jpeg', png: 'image/png', webp: 'image/webp' } as const;
export type Kind = keyof typeof KINDS;

/** The bytes that a file of each kind begins with; undefined stands for any byte. */
const BEGINNINGS: Readonly<Record<Kind, readonly (number | undefined)[]>> = {
  jpeg: [0xff, 0xd8, 0xff],
  png: [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a],
  // "RIFF", four bytes of length, "WEBP".
  webp: [0x52, 0x49, 0x46, 0x46, undefined, undefined, undefined, undefined, 0x57, 0x45, 0x42, 0x50],
};

/** The kind of picture that these bytes begin as; undefined for anything else. The sender's word for it does not count. */
export function kindOf(bytes: Uint8Array): Kind | undefined {
  const kinds = Object.entries(BEGINNINGS) as [Kind, readonly (number | undefined)[]][];
  const found = kinds.find(([, beginning]) =>
    beginning.every((byte, at) => at < bytes.length && (byte === undefined || bytes[at] === byte)),
  );
  return found?.[0];
}
