/** The highest position or revision that a store can hold: the highest `bigint` of Postgres. */
const POSITION_MAX = 2n ** 63n - 1n;
/** Nineteen digits are as many as `POSITION_MAX` has, so a text of any length is refused at once. */
const DECIMAL = /^\d{1,19}$/;

/** Parses a position or revision of the log from text. Undefined when it is none, or higher than a store can hold. */
export function positionOf(text: string | null | undefined): bigint | undefined {
  if (typeof text !== 'string' || !DECIMAL.test(text)) return undefined;
  const position = BigInt(text);
  return position <= POSITION_MAX ? position : undefined;
}
