/**
 * Joins requests of the same turn of the event loop into calls of `run`, with at most `requestsMax` each. The requests of one
 * call succeed or fail together.
 */
export function perTurnBatch<Request, Answer>(
  requestsMax: number,
  run: (requests: readonly Request[]) => Promise<readonly Answer[]>,
): (request: Request) => Promise<Answer> {
  interface Waiting {
    readonly request: Request;
    readonly resolve: (answer: Answer) => void;
    readonly reject: (error: unknown) => void;
  }
  let waiting: Waiting[] = [];

  async function answer(group: readonly Waiting[]): Promise<void> {
    try {
      const answers = await run(group.map(({ request }) => request));
      group.forEach(({ resolve }, index) => resolve(answers[index]!));
    } catch (error) {
      for (const { reject } of group) reject(error);
    }
  }

  function flush(): void {
    const all = waiting;
    waiting = [];
    for (let from = 0; from < all.length; from += requestsMax) void answer(all.slice(from, from + requestsMax));
  }

  return (request) =>
    new Promise((resolve, reject) => {
      if (waiting.length === 0) setImmediate(flush);
      waiting.push({ request, resolve, reject });
    });
}
