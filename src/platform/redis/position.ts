const POSITION = /^\d{1,20}$/;

/** Parses a log position from Redis. Undefined for a missing or invalid value. */
export const positionOf = (text: string | null | undefined): bigint | undefined =>
  typeof text === 'string' && POSITION.test(text) ? BigInt(text) : undefined;
