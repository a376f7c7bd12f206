import { derivedId } from '../platform/ids.ts';

const NAMESPACE = '6f0e9a52-6e2b-4c1c-9d3f-1f1f3a1c7a10';

/** One store per user: its id follows from the owner's, so that the store's own stream refuses a second. */
export const storeIdOf = (userId: string): string => derivedId(`store:${userId}`, NAMESPACE);
