import { cacheContract } from '../contract.ts';
import { openRedisCache } from '../world.ts';

describe('the cache in Redis', () => {
  cacheContract(() => openRedisCache({ url: process.env['TEST_REDIS_URL'] ?? '' }));
});
