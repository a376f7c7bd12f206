import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import { Redis } from 'ioredis';
import { connectRedis } from '../../../src/platform/redis/connection.ts';
import { eventually } from '../../support/eventually.ts';
import { freePort } from '../../support/ports.ts';
import { REDIS, startServer, type RunningServer } from '../../support/services.ts';
import { ask, held, textOf, wanted } from '../contract.ts';
import { fastest, isShared, openRedisCache, silent, timedAsk, type RedisWorld } from '../world.ts';

/** The same command timeout as in production. */
const TIMEOUT_MS = 150;
/** Slack for a loaded machine. */
const SLACK_MS = 350;
/** Time limit for an answer once the process knows that Redis does not answer. */
const AT_ONCE_MS = 100;

describe('the cache in Redis, when Redis fails', function () {
  this.timeout(40_000);
  let server: RunningServer;
  const worlds: RedisWorld[] = [];
  const admins: Redis[] = [];

  const open = async (options: { epoch?: string; commandTimeoutMs?: number } = {}): Promise<RedisWorld> => {
    const world = await openRedisCache({ url: server.url, ...options });
    worlds.push(world);
    return world;
  };
  const admin = (): Redis => {
    const client = new Redis(server.url);
    client.on('error', () => undefined);
    admins.push(client);
    return client;
  };

  beforeEach(async () => {
    server = await startServer(REDIS);
  });
  afterEach(async () => {
    server.kill('SIGCONT');
    for (const client of admins.splice(0)) client.disconnect();
    await Promise.all(worlds.splice(0).map((world) => world.close()));
    await server.stop();
  });

  it('answers in bounded time while it is frozen, and nothing old when it thaws', async () => {
    const { cache, connection } = await open({ commandTimeoutMs: TIMEOUT_MS });
    await ask(cache, 'k', 'old');
    server.kill('SIGSTOP');
    const first = await timedAsk(cache, 'other', 'made here');
    expect(first.text).to.equal('made here');
    expect(first.ms).to.be.below(2 * TIMEOUT_MS + SLACK_MS);
    await cache.invalidate(['a']);
    expect(await ask(cache, 'k', 'new')).to.equal('new');
    await eventually('nobody asks any more', async () => {
      await connection.ping().catch(() => undefined);
      return !connection.up;
    });
    const known = await fastest(async () => {
      expect(await ask(cache, randomUUID(), 'made here')).to.equal('made here');
    });
    expect(known).to.be.below(AT_ONCE_MS);
    server.kill('SIGCONT');
    await isShared({ cache, connection });
    expect(await ask(cache, 'k', 'newer')).to.be.oneOf(['new', 'newer']);
  });

  it('keeps single flight and its memory in the process while Redis is away', async () => {
    const { cache, connection } = await open();
    await server.end('SIGKILL');
    await eventually('it is known', () => !connection.up);
    const slow = held('once');
    const asking = [1, 2, 3].map(() => textOf(cache.get('k', wanted(), slow.load)));
    slow.finish();
    expect(await Promise.all(asking)).to.deep.equal(['once', 'once', 'once']);
    expect(slow.begun()).to.equal(1);
    expect(await ask(cache, 'k', 'twice')).to.equal('once');
    await cache.invalidate(['a']);
    expect(await ask(cache, 'k', 'twice')).to.equal('twice');
  });

  it('comes back by itself when Redis is killed and started again', async () => {
    const world = await open();
    await ask(world.cache, 'k', 'before');
    await server.end('SIGKILL');
    expect(await ask(world.cache, 'k', 'without')).to.equal('without');
    await world.cache.invalidate(['a']);
    const { port, dir } = server;
    server = await startServer(REDIS, { port, dir });
    await isShared(world);
    const other = await open({ epoch: world.epoch });
    await ask(world.cache, 'k', 'after');
    expect(await ask(other.cache, 'k', 'elsewhere')).to.equal('after');
  });

  it('serves nothing of a Redis that has come back with an older state', async () => {
    const world = await open();
    const reader = await open({ epoch: world.epoch });
    await ask(world.cache, 'k', 'old');
    await eventually('it is kept', async () => (await admin().exists(world.connection.key('e:k'))) === 1);
    await admin().save();
    await world.cache.invalidate(['a']);
    await server.end('SIGKILL');
    const { port, dir } = server;
    server = await startServer(REDIS, { port, dir });
    expect(await admin().exists(world.connection.key('e:k')), 'what was invalidated is there again').to.equal(1);
    await isShared(reader);
    await isShared(world);
    expect(await ask(reader.cache, 'k', 'new')).to.equal('new');
  });

  it('makes up for an invalidation that did not arrive, for all processes', async () => {
    const world = await open();
    const reader = await open({ epoch: world.epoch });
    await ask(reader.cache, 'k', 'old');
    await admin().call('ACL', 'SETUSER', 'default', '-unlink');
    await world.cache.invalidate(['a']);
    expect(await ask(world.cache, 'k', 'mine')).to.equal('mine');
    await admin().call('ACL', 'SETUSER', 'default', '+unlink');
    await isShared(world);
    expect(await ask(reader.cache, 'k', 'new')).to.equal('new');
  });

  it('answers and invalidates when Redis is full', async () => {
    const world = await open();
    const reader = await open({ epoch: world.epoch });
    await ask(world.cache, 'k', 'old');
    expect(await ask(reader.cache, 'k', 'x')).to.equal('old');
    await admin().config('SET', 'maxmemory-policy', 'noeviction');
    await admin().config('SET', 'maxmemory', '1');
    expect(await ask(reader.cache, 'fresh', 'made here', { tags: ['a', 'unknown'] })).to.equal('made here');
    expect(await ask(reader.cache, 'k', 'x')).to.equal('old');
    await world.cache.invalidate(['a']);
    expect(await ask(reader.cache, 'k', 'new')).to.equal('new');
    expect(await ask(world.cache, 'k', 'new too')).to.equal('new too');
    await admin().config('SET', 'maxmemory', '0');
    await isShared(world);
    await ask(world.cache, 'k2', 'kept again');
    expect(await ask(reader.cache, 'k2', 'x')).to.equal('kept again');
  });

  it('serves from the start without it, and uses it as soon as it is there', async () => {
    const port = await freePort();
    const connection = connectRedis({ url: `redis://127.0.0.1:${port}`, epoch: 'late', log: silent });
    try {
      const refused = await fastest(() =>
        connection.read(['x']).then(
          () => expect.fail('there is nobody'),
          (error: unknown) => void expect((error as Error).name).to.equal('RedisUnavailable'),
        ),
      );
      expect(refused).to.be.below(AT_ONCE_MS);
      const late = await startServer(REDIS, { port });
      await eventually('it is found', () => connection.up);
      await late.stop();
    } finally {
      await connection.close();
    }
  });
});
