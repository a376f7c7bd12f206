const POSITION = /^\d{1,20}$/;

/** A position of the log as Redis keeps it; undefined where there is none, or something else. */
export const positionOf = (text: string | null | undefined): bigint | undefined =>
  typeof text === 'string' && POSITION.test(text) ? BigInt(text) : undefined;
