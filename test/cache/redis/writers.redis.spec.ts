import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import { ANONYMOUS, type Actor } from '../../../src/engine/decide/context.ts';
import { createRedisWriters } from '../../../src/cache/redis/writers.ts';
import { connectRedis, type RedisConnection } from '../../../src/platform/redis/connection.ts';
import { eventually } from '../../support/eventually.ts';
import { silent } from '../world.ts';

describe('the last write of each caller, in Redis', () => {
  const connections: RedisConnection[] = [];
  const person = (): Actor => ({ id: randomUUID(), role: 'buyer' });

  /** The records of last writes of two processes that share one Redis. */
  async function two() {
    const epoch = randomUUID();
    const open = async () => {
      const url = process.env['TEST_REDIS_URL'] ?? '';
      const connection = connectRedis({ url, epoch, log: silent, commandTimeoutMs: 5_000 });
      connections.push(connection);
      await eventually('Redis answers', () => connection.up);
      return createRedisWriters(connection);
    };
    return [await open(), await open()] as const;
  }
  afterEach(() => Promise.all(connections.splice(0).map((connection) => connection.close())));

  it('is known to all processes, and only ever rises', async () => {
    const [one, other] = await two();
    const ada = person();
    await one.wrote(ada, 99n);
    expect(await other.lastOf(ada)).to.equal(99n);
    await one.wrote(ada, 100n);
    await other.wrote(ada, 20n);
    expect(await other.lastOf(ada)).to.equal(100n);
    expect(await one.lastOf(person())).to.equal(0n);
  });

  it('counts what anonymous callers wrote anywhere for those who were not seen before', async () => {
    const [one, other] = await two();
    const [ada, bob] = [person(), person()];
    expect(await other.lastOf(bob)).to.equal(0n);
    await one.wrote(ANONYMOUS, 7n);
    expect(await other.lastOf(ada)).to.equal(7n);
    expect(await other.lastOf(bob)).to.equal(0n);
    expect(await other.lastOf(ANONYMOUS)).to.equal(0n);
  });

  it('is remembered by each process without Redis', async () => {
    const [one] = await two();
    const ada = person();
    await Promise.all(connections.map((connection) => connection.close()));
    await one.wrote(ada, 5n);
    expect(await one.lastOf(ada)).to.equal(5n);
  });
});
