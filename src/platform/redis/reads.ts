import { perTurnBatch } from '../perTurnBatch.ts';

/**
 * Joins the keys that are asked for in one turn of the event loop into one round trip, each key once. The round trip is sent
 * after the last of them was asked for, so no answer is older than its question.
 */
export function createReads(
  readAll: (keys: string[]) => Promise<(string | null)[]>,
): (keys: readonly string[]) => Promise<(string | null)[]> {
  return perTurnBatch<readonly string[], (string | null)[]>(Number.POSITIVE_INFINITY, async (requests) => {
    const keys = [...new Set(requests.flat())];
    const values = await readAll(keys);
    const byKey = new Map(keys.map((key, index) => [key, values[index] ?? null]));
    return requests.map((asked) => asked.map((key) => byKey.get(key) ?? null));
  });
}
