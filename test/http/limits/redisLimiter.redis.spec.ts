import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import { Redis } from 'ioredis';
import { createRedisLimiter } from '../../../src/http/limits/redisLimiter.ts';
import type { RateLimiter } from '../../../src/http/limits/rateLimit.ts';
import { connectRedis, type RedisConnection } from '../../../src/platform/redis/connection.ts';
import { silent } from '../../cache/world.ts';
import { eventually } from '../../support/eventually.ts';
import { REDIS, startServer, type RunningServer } from '../../support/services.ts';
import { openEdge } from '../edge.ts';

const TIMEOUT_MS = 150;
const SLACK_MS = 350;

describe('rate limits in Redis', function () {
  this.timeout(40_000);
  let server: RunningServer;
  let admin: Redis;
  let epoch: string;
  const connections: RedisConnection[] = [];

  /** The limiter of one process. */
  async function limiter(commandTimeoutMs = 5_000): Promise<RateLimiter> {
    const connection = connectRedis({ url: server.url, epoch, log: silent, commandTimeoutMs });
    connections.push(connection);
    await eventually('Redis answers', () => connection.up);
    return createRedisLimiter(connection);
  }
  const allowed = async (limiters: readonly RateLimiter[], times: number, limit = 10): Promise<number> => {
    const asking = Array.from({ length: times }, async (_, turn) =>
      limiters[turn % limiters.length]!.take('me', limit),
    );
    return (await Promise.all(asking)).filter((verdict) => verdict.allowed).length;
  };
  const slots = (): string => connections[0]!.key('r:me');
  /** Makes everything that was counted this many seconds older. */
  async function age(seconds: number): Promise<void> {
    const counts = Object.entries(await admin.hgetall(slots()));
    await admin.del(slots());
    for (const [slot, count] of counts) await admin.hset(slots(), String(Number(slot) - seconds), count);
  }

  beforeEach(async () => {
    server = await startServer(REDIS);
    admin = new Redis(server.url);
    admin.on('error', () => undefined);
    epoch = randomUUID();
  });
  afterEach(async () => {
    server.kill('SIGCONT');
    admin.disconnect();
    await Promise.all(connections.splice(0).map((connection) => connection.close()));
    await server.stop();
  });

  it('let the limit pass and no more, over all processes, and each caller theirs', async () => {
    const both = [await limiter(), await limiter()];
    expect(await allowed(both, 25)).to.equal(10);
    expect(await both[1]!.take('me', 10)).to.include({ allowed: false, remaining: 0 });
    expect(await both[0]!.take('you', 10)).to.include({ allowed: true, remaining: 9 });
  });

  it('give back what has left the window, and never earlier', async () => {
    const fresh = async (): Promise<RateLimiter[]> => [await limiter()];
    expect(await allowed(await fresh(), 10)).to.equal(10);
    await age(58);
    expect(await allowed(await fresh(), 10), 'after 58 s').to.equal(0);
    await age(4);
    expect(await allowed(await fresh(), 25), 'after 62 s').to.equal(10);
  });

  it('say when there will be room again, and never count what they refused', async () => {
    const one = [await limiter()];
    await allowed(one, 10);
    await age(20);
    const other = await limiter();
    const { resetS } = await other.take('me', 10);
    expect(resetS).to.be.within(37, 42);
    const total = Object.values(await admin.hgetall(slots())).reduce((sum, count) => sum + Number(count), 0);
    expect(total).to.equal(10);
  });

  it('lock nobody for longer than a window, and let nobody pass twice, when the clock of Redis was put back an hour', async () => {
    const fresh = async (): Promise<RateLimiter[]> => [await limiter()];
    expect(await allowed(await fresh(), 10)).to.equal(10);
    await age(-3_600);
    const [other] = await fresh();
    const verdict = await other!.take('me', 10);
    expect(verdict).to.include({ allowed: false, remaining: 0 });
    expect(verdict.resetS).to.be.within(58, 61);
    await age(62);
    expect(await allowed(await fresh(), 25), 'a window later').to.equal(10);
  });

  it('keep nothing for longer than the window', async () => {
    await (await limiter()).take('me', 10);
    expect(await admin.pttl(slots())).to.be.within(50_000, 63_000);
  });

  it('hold while Redis is frozen, at once once that is known', async () => {
    const here = await limiter(TIMEOUT_MS);
    expect(await allowed([here], 4)).to.equal(4);
    server.kill('SIGSTOP');
    const began = performance.now();
    expect(await allowed([here], 20)).to.equal(6);
    expect(performance.now() - began).to.be.below(2 * TIMEOUT_MS + SLACK_MS);
    await eventually('nobody asks any more', () => !connections[0]!.up);
    const again = performance.now();
    expect((await here.take('you', 10)).allowed).to.equal(true);
    expect(performance.now() - again).to.be.below(100);
  });

  it('give nobody a second helping when Redis comes back empty', async () => {
    const here = await limiter();
    expect(await allowed([here], 4)).to.equal(4);
    await server.end('SIGKILL');
    expect(await allowed([here], 20)).to.equal(6);
    server = await startServer(REDIS, { port: server.port, dir: server.dir });
    await eventually('Redis answers again', () => connections[0]!.up);
    expect(await allowed([here], 20)).to.equal(0);
    expect((await here.take('you', 10)).allowed).to.equal(true);
  });

  it('hold when Redis is full', async () => {
    await admin.config('SET', 'maxmemory-policy', 'noeviction');
    await admin.config('SET', 'maxmemory', '1');
    expect(await allowed([await limiter()], 25)).to.equal(10);
  });

  it('are told in the same headers, by the edges of both processes', async () => {
    const rateLimits = { public: 3 };
    const edges = [
      await openEdge({ rateLimits, limiter: await limiter() }),
      await openEdge({ rateLimits, limiter: await limiter() }),
    ];
    const answers: { status: number; limit: unknown }[] = [];
    for (let turn = 0; turn < 4; turn += 1) {
      const { status, headers } = await edges[turn % 2]!.request('GET', `/api/v1/labels/${randomUUID()}`);
      answers.push({ status, limit: /r=\d+/.exec(String(headers['ratelimit']))?.[0] });
      if (status === 429) expect(Number(headers['retry-after'])).to.be.within(1, 61);
    }
    expect(answers).to.deep.equal([
      { status: 200, limit: 'r=2' },
      { status: 200, limit: 'r=1' },
      { status: 200, limit: 'r=0' },
      { status: 429, limit: 'r=0' },
    ]);
    await Promise.all(edges.map((edge) => edge.close()));
  });
});
