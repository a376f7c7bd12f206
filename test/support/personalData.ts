import { createHmac, randomBytes } from 'node:crypto';
import type { PersonalData } from '../../src/eventstore/personalData.ts';
import { openProperties, type Sealed, sealText } from '../../src/eventstore/sealing.ts';

/** A text that stands for a sealed one, where nothing opens it. */
export const asSealed = (text: string): Sealed => text as Sealed;

/** Real sealing with keys that live as long as the test. Everybody has a key, unless `forget` has erased it. */
export function memoryPersonalData(): PersonalData & { forget(subject: string): void } {
  const keys = new Map<string, Buffer | undefined>();
  const keyOf = (subject: string): Buffer | undefined => {
    if (!keys.has(subject)) keys.set(subject, randomBytes(32));
    return keys.get(subject);
  };
  const made = (onUsed?: (subject: string) => void): PersonalData => {
    const used = (subject: string): Buffer | undefined => {
      const key = keyOf(subject);
      if (key !== undefined) onUsed?.(subject);
      return key;
    };
    const revealAll: PersonalData['revealAll'] = (values, openingOf) =>
      Promise.resolve(
        values.map((value, index) => {
          const opening = openingOf(value, index);
          return openProperties(value, opening, used(opening.subject));
        }),
      );
    return {
      createKey: (subject) => Promise.resolve(void keyOf(subject)),
      seal: (place, text) => Promise.resolve().then(() => sealText(used(place.subject)!, place, text)),
      reveal: async (value, opening) => (await revealAll([value], () => opening))[0]!,
      revealAll,
      withKey: (subjects) => Promise.resolve(new Set(subjects.filter((subject) => keyOf(subject) !== undefined))),
      noting: (noted) => made(noted),
      blindIndex: (kind, value) => createHmac('sha256', 'index').update(`${kind}\0${value}`).digest('hex'),
    };
  };
  return { ...made(), forget: (subject) => void keys.set(subject, undefined) };
}

/** Erasures of a shop in memory, which keeps nothing outside its log but keys. */
export const memoryErasures = (keys: ReturnType<typeof memoryPersonalData>) => ({
  forget(userId: string): Promise<void> {
    keys.forget(userId);
    return Promise.resolve();
  },
  heldFor: () => Promise.resolve(0),
});
