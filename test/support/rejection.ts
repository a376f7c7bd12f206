/** The error that a promise rejects with. Fails when the promise resolves. */
export async function rejection(promise: Promise<unknown>): Promise<Error> {
  let value: unknown;
  try {
    value = await promise;
  } catch (error) {
    return error as Error;
  }
  throw new Error(`expected a rejection, not ${JSON.stringify(value)}`);
}
