import type { Erasures } from '../commands/contract.ts';
import { KEY_HELD_MAX_MS, type PersonalDataKeys } from '../eventstore/personalData.ts';
import { purge } from '../handlers/purges.ts';
import { failpoint } from '../platform/failpoint.ts';
import type { Pool } from '../platform/postgres/pool.ts';

export const createErasures = (pool: Pool, keys: PersonalDataKeys): Erasures => ({
  async forget(userId) {
    await keys.eraseKey(userId);
    failpoint('erasure:key');
    await purge(pool, userId);
    failpoint('erasure:purged');
  },
  async heldFor(userId) {
    const ms = await keys.erasedFor(userId);
    return ms === undefined ? KEY_HELD_MAX_MS : Math.max(0, KEY_HELD_MAX_MS - ms);
  },
});
