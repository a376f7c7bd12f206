/** A map that remembers the keys that were set last. */
export interface Generations<K, V> {
  get(key: K): V | undefined;
  has(key: K): boolean;
  set(key: K, value: V): void;
  clear(): void;
}

/**
 * Remembers at most `entriesMax` entries (2 or more), and at least the half of that which was set last. When the younger half is full,
 * the older half is dropped as a whole. To delete the oldest entry of one `Map` instead is slow: deleted entries stay in its table, and
 * each look for the oldest passes all of them. `onDropped` gets each value that goes, also of a key that was set again since.
 */
export function createGenerations<K, V>(
  entriesMax: number,
  onDropped: (value: V) => void = () => undefined,
): Generations<K, V> {
  const half = Math.max(1, Math.floor(entriesMax / 2));
  let young = new Map<K, V>();
  let old = new Map<K, V>();
  return {
    get: (key) => young.get(key) ?? old.get(key),
    has: (key) => young.has(key) || old.has(key),
    set(key, value) {
      if (young.size >= half && !young.has(key)) {
        old.forEach(onDropped);
        old = young;
        young = new Map();
      }
      young.set(key, value);
    },
    clear() {
      young = new Map();
      old = new Map();
    },
  };
}
