import type { Picture } from '../../src/aggregates/picture.ts';

/** A picture as events have it. */
export const picture = (key: string, width = 40, height = 20): Picture => ({
  key,
  small: { width, height },
  medium: { width, height },
  large: { width, height },
});
