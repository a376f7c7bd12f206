import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import { createRedisChanges } from '../../../src/cache/redis/changes.ts';
import { createChanges } from '../../../src/engine/ask/changes.ts';
import { connectRedis, type RedisConnection } from '../../../src/platform/redis/connection.ts';
import { eventually } from '../../support/eventually.ts';
import { silent } from '../world.ts';

describe('the last changes of resources, in Redis', () => {
  const connections: RedisConnection[] = [];

  /** The changes that each of two processes on one Redis knows, and its own part of them. */
  async function two() {
    const epoch = randomUUID();
    const open = async () => {
      const url = process.env['TEST_REDIS_URL'] ?? '';
      const connection = connectRedis({ url, epoch, log: silent, commandTimeoutMs: 5_000 });
      connections.push(connection);
      await eventually('Redis answers', () => connection.up);
      const own = createChanges();
      return { connection, own, shared: createRedisChanges(connection, own) };
    };
    return [await open(), await open()] as const;
  }
  afterEach(() => Promise.all(connections.splice(0).map((connection) => connection.close())));

  it('are known to all processes once they are told, and only ever rise', async () => {
    const [one, other] = await two();
    one.own.note(['products', 'product:a'], 99n);
    one.own.note(['products', 'product:b'], 100n);
    await one.shared.told(100n);
    expect(await other.shared.lastOf(['product:a'])).to.equal(99n);
    expect(await other.shared.lastOf(['product:a', 'products'])).to.equal(100n);
    other.own.note(['products'], 20n);
    await other.shared.told(20n);
    expect(await other.shared.lastOf(['products'])).to.equal(100n);
    expect(await other.shared.lastOf(['stores'])).to.equal(0n);
    expect(other.shared.known(['products']), 'without asking').to.equal(20n);
  });

  it('count for every tag where a process acknowledges what another one has appended', async () => {
    const [one, other] = await two();
    await one.shared.told(7n);
    expect(await other.shared.lastOf(['stores'])).to.equal(7n);
  });

  it('have a lifetime', async () => {
    const [one] = await two();
    one.own.note(['products'], 5n);
    await one.shared.told(5n);
    const [left] = (await one.connection.script("return { redis.call('PTTL', KEYS[1]) }")(
      [one.connection.key('c:products')],
      [],
    )) as number[];
    expect(left).to.be.within(1, 600_000);
  });

  it('are known to each process that made them without Redis', async () => {
    const [one] = await two();
    await Promise.all(connections.map((connection) => connection.close()));
    one.own.note(['products'], 5n);
    await one.shared.told(5n);
    expect(await one.shared.lastOf(['products'])).to.equal(5n);
  });
});
