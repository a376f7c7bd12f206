import { connect, createServer, type Socket, type AddressInfo } from 'node:net';
import { expect } from 'chai';
import { Redis } from 'ioredis';
import { BEAT_MS, BEHIND_MAX_MS } from '../../../src/cache/redis/watermarks.ts';
import { eventually } from '../../support/eventually.ts';
import { REDIS, startServer, type RunningServer } from '../../support/services.ts';
import { ask } from '../contract.ts';
import { isShared, openRedisCache, type RedisWorld } from '../world.ts';

/**
 * After this time, ms, a reader uses no old answers, even if the projector's changes do not arrive in its Redis. Includes slack
 * for a loaded machine.
 */
const NOTICED_MS = 2 * BEAT_MS + BEHIND_MAX_MS + 2_000;

/** An address that leads to one server or another, like the name of a highly available Redis. */
async function nameFor(first: RunningServer) {
  let { port } = first;
  const open = new Set<Socket>();
  const server = createServer((near) => {
    const far = connect(port, '127.0.0.1');
    for (const [socket, other] of [
      [near, far],
      [far, near],
    ] as const) {
      open.add(socket);
      socket.on('error', () => other.destroy()).on('close', () => (open.delete(socket), other.destroy()));
      socket.pipe(other);
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const cut = (): void => open.forEach((socket) => socket.destroy());
  return {
    url: `redis://127.0.0.1:${(server.address() as AddressInfo).port}`,
    /** Leads new connections to `target`. Open connections stay where they are. */
    leadTo: (target: RunningServer) => void (port = target.port),
    cut,
    close: () => {
      server.close();
      cut();
    },
  };
}

/** Checkpoints as in Postgres: the projecting process moves them, and other processes see them. */
function checkpoints() {
  const positions = new Map([['orders', 1n]]);
  const nobody: ReadonlyMap<string, bigint> = new Map();
  return {
    projecting: { own: () => positions, others: () => Promise.resolve(nobody) },
    reading: { own: () => nobody, others: () => Promise.resolve(new Map(positions)) },
    /** Invalidates the tag and moves the checkpoint, as the projector does after a commit. */
    async move({ cache }: RedisWorld): Promise<void> {
      await cache.invalidate(['a']);
      positions.set('orders', positions.get('orders')! + 1n);
    },
  };
}

describe('the cache in Redis, when not all processes use the same server', function () {
  this.timeout(60_000);
  const worlds: RedisWorld[] = [];
  const servers: RunningServer[] = [];
  const names: Awaited<ReturnType<typeof nameFor>>[] = [];
  const admins: Redis[] = [];

  const open = async (...[options]: Parameters<typeof openRedisCache>): Promise<RedisWorld> => {
    const world = await openRedisCache(options);
    worlds.push(world);
    return world;
  };
  const start = async (): Promise<RunningServer> => {
    const server = await startServer(REDIS);
    servers.push(server);
    return server;
  };
  const named = async (server: RunningServer) => {
    const name = await nameFor(server);
    names.push(name);
    return name;
  };
  const admin = (server: RunningServer): Redis => {
    const client = new Redis(server.url);
    admins.push(client);
    return client;
  };
  const inSync = (replica: RunningServer): Promise<unknown> =>
    eventually('the replica has everything', async () =>
      (await admin(replica).info('replication')).includes('master_link_status:up'),
    );
  const until = async (reader: RedisWorld, text: string): Promise<void> => {
    await eventually(`it answers "${text}"`, async () => (await ask(reader.cache, 'k', text)) === text, NOTICED_MS);
  };

  afterEach(async () => {
    await Promise.all(worlds.splice(0).map((world) => world.close()));
    for (const client of admins.splice(0)) client.disconnect();
    for (const name of names.splice(0)) name.close();
    await Promise.all(servers.splice(0).map((server) => server.stop()));
  });

  it('answers nothing old for long when only the projecting process has lost Redis, and uses it again later', async () => {
    const server = await start();
    const name = await named(server);
    const shop = checkpoints();
    const projector = await open({ url: name.url, readModels: shop.projecting });
    const { epoch } = projector;
    const reader = await open({ url: server.url, epoch, readModels: shop.reading });
    const other = await open({ url: server.url, epoch, readModels: shop.reading });
    await ask(reader.cache, 'k', 'old');
    expect(await ask(other.cache, 'k', 'x')).to.equal('old');

    name.leadTo({ ...server, port: 1 });
    name.cut();
    await eventually('it is known', () => !projector.connection.up);
    await shop.move(projector);
    await until(reader, 'new');
    expect(await ask(reader.cache, 'k', 'newer'), 'kept in the process meanwhile').to.equal('new');
    await until(other, 'new');

    name.leadTo(server);
    await Promise.all([isShared(projector), isShared(reader), isShared(other)]);
    await ask(reader.cache, 'shared', 'again');
    expect(await ask(other.cache, 'shared', 'x')).to.equal('again');
    expect(await ask(other.cache, 'k', 'newest')).to.not.equal('old');
  });

  it('takes no watermark that it cannot read', async () => {
    const server = await start();
    const shop = checkpoints();
    const projector = await open({ url: server.url, readModels: shop.projecting });
    const { epoch, connection } = projector;
    const reader = await open({ url: server.url, epoch, readModels: shop.reading });
    await ask(reader.cache, 'k', 'old');
    await projector.close();
    worlds.splice(worlds.indexOf(projector), 1);
    await admin(server).set(connection.key('p:orders'), 'garbage');
    await until(reader, 'new');
  });

  it('goes over to the replica that was promoted, when its own server tells that it is one now', async () => {
    const [first, second] = [await start(), await start()];
    await admin(second).replicaof('127.0.0.1', first.port);
    await inSync(second);
    const name = await named(first);
    const shop = checkpoints();
    const projector = await open({ url: name.url, readModels: shop.projecting });
    const reader = await open({ url: name.url, epoch: projector.epoch, readModels: shop.reading });
    await ask(reader.cache, 'k', 'old');

    await admin(second).replicaof('NO', 'ONE');
    name.leadTo(second);
    await admin(first).replicaof('127.0.0.1', second.port);
    await inSync(first);
    await shop.move(projector);
    await until(reader, 'new');
    await Promise.all([isShared(projector), isShared(reader)]);
    await ask(projector.cache, 'k2', 'on the second');
    await eventually('it is there', async () => (await admin(second).exists(projector.connection.key('e:k2'))) === 1);
    expect(await ask(reader.cache, 'k2', 'x')).to.equal('on the second');
  });

  it('gives no old answers for long from a server that does not know it was replaced', async () => {
    const [first, second] = [await start(), await start()];
    await admin(second).replicaof('127.0.0.1', first.port);
    await inSync(second);
    const shop = checkpoints();
    const name = await named(first);
    const projector = await open({ url: name.url, readModels: shop.projecting });
    const reader = await open({ url: first.url, epoch: projector.epoch, readModels: shop.reading });
    await ask(reader.cache, 'k', 'old');

    await admin(second).replicaof('NO', 'ONE');
    name.leadTo(second);
    name.cut();
    await isShared(projector);
    await shop.move(projector);
    await until(reader, 'new');
    expect(reader.connection.up, 'its own connection was well all the time').to.equal(true);
  });
});
