interface Waiting {
  /** Indexes of the values in the result of the round trip. */
  readonly places: readonly number[];
  readonly resolve: (values: (string | null)[]) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Joins the reads of one turn of the event loop into one round trip, each key once. It is sent after the last read of the turn
 * was requested, so no caller gets a value from before its request.
 */
export function createReads(
  readAll: (keys: string[]) => Promise<(string | null)[]>,
): (keys: readonly string[]) => Promise<(string | null)[]> {
  let places = new Map<string, number>();
  let waiting: Waiting[] = [];

  const send = (): void => {
    const asked = waiting;
    const keys = [...places.keys()];
    waiting = [];
    places = new Map();
    readAll(keys).then(
      (values) => {
        for (const one of asked) one.resolve(one.places.map((place) => values[place] ?? null));
      },
      (error: unknown) => {
        for (const one of asked) one.reject(error);
      },
    );
  };

  const placeOf = (key: string): number => {
    const known = places.get(key);
    if (known !== undefined) return known;
    places.set(key, places.size);
    return places.size - 1;
  };

  return (keys) =>
    new Promise((resolve, reject) => {
      if (waiting.length === 0) setImmediate(send);
      waiting.push({ places: keys.map(placeOf), resolve, reject });
    });
}
