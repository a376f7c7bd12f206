import type { Made } from '../engine/decide/decider.ts';

// Lists and maps of a state, changed by one element. One that the fold has made is changed in place; any other is copied first.

type Entries<V> = Readonly<Record<string, V>>;

function mine<T extends object>(value: Readonly<T>, copy: (value: Readonly<T>) => T, made?: Made): T {
  if (made?.has(value) === true) return value;
  const own = copy(value);
  made?.add(own);
  return own;
}

const ownEntries = <V>(map: Entries<V>, made?: Made): Record<string, V> => mine(map, (all) => ({ ...all }), made);
const ownList = <T>(list: readonly T[], made?: Made): T[] => mine(list as T[], (all) => all.slice(), made);

/** The map with this entry. */
export function withEntry<V>(map: Entries<V>, key: string, value: V, made?: Made): Entries<V> {
  const own = ownEntries(map, made);
  own[key] = value;
  return own;
}

/** The map without the entry of this key. */
export function withoutEntry<V>(map: Entries<V>, key: string, made?: Made): Entries<V> {
  if (!Object.hasOwn(map, key)) return map;
  const own = ownEntries(map, made);
  Reflect.deleteProperty(own, key);
  return own;
}

/** The list with this item at its end. */
export function withItem<T>(list: readonly T[], item: T, made?: Made): readonly T[] {
  const own = ownList(list, made);
  own.push(item);
  return own;
}

/** The list with this item in place of the one at `index`. */
export function withItemAt<T>(list: readonly T[], index: number, item: T, made?: Made): readonly T[] {
  const own = ownList(list, made);
  own[index] = item;
  return own;
}
