import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { expect } from 'chai';
import { connectRedis, type RedisConnection } from '../../../src/platform/redis/connection.ts';
import { eventually } from '../../support/eventually.ts';
import { muteProxy, type Muted } from '../../support/muteProxy.ts';
import { rejection } from '../../support/rejection.ts';
import { REDIS, startServer, type RunningServer } from '../../support/services.ts';
import { silent } from '../../cache/world.ts';

/** The same command timeout as in production. */
const TIMEOUT_MS = 150;
/** Slack for a loaded machine. */
const SLACK_MS = 350;
/** A silent connection is replaced after some 2.5 s. A crowded machine may take longer. */
const GIVEN_UP_MS = 15_000;
/** So long that a crowded machine answers in time. */
const PATIENT_MS = 5_000;
/** Several times as long as a connection may be idle before Redis is asked. */
const IDLE_MS = 3_500;

describe('a connection to Redis that goes silent', function () {
  this.timeout(60_000);
  let server: RunningServer;
  let proxy: Awaited<ReturnType<typeof muteProxy>>;
  let connection: RedisConnection;
  before(async () => {
    server = await startServer(REDIS);
  });
  beforeEach(async () => {
    proxy = await muteProxy(server.url);
    connection = connectRedis({ url: proxy.url, epoch: randomUUID(), log: silent });
    await eventually('it is up', () => connection.up);
  });
  afterEach(async () => {
    await connection.close();
    proxy.close();
  });
  after(() => server.stop());

  const replaced = (): Promise<unknown> =>
    eventually('a new connection is up', () => proxy.accepted === 2 && connection.up, GIVEN_UP_MS);

  it('is replaced though nobody uses it', async () => {
    expect(proxy.accepted).to.equal(1);
    proxy.mute();
    await replaced();
    expect(await connection.read([connection.key('nothing')])).to.deep.equal([null]);
  });

  for (const lost of ['all', 'answers', 'stuck'] as const satisfies readonly Muted[]) {
    it(`fails the commands in flight in time, and is replaced (lost: ${lost})`, async () => {
      proxy.mute(lost);
      const began = performance.now();
      const failures = await Promise.all([
        rejection(connection.read(['x'])),
        rejection(connection.unlink(['x'])),
        rejection(connection.script('return 1')([], [])),
      ]);
      expect(performance.now() - began).to.be.below(TIMEOUT_MS + SLACK_MS);
      expect(failures.map(({ name }) => name)).to.deep.equal(failures.map(() => 'RedisUnavailable'));
      await replaced();
      expect(await connection.read([connection.key('nothing')])).to.deep.equal([null]);
    });
  }

  it('is replaced when it goes silent before it was ever used', async () => {
    const first = await muteProxy(server.url);
    first.muteNext();
    const early = connectRedis({ url: first.url, epoch: randomUUID(), log: silent });
    try {
      await eventually('it is up', () => early.up, GIVEN_UP_MS);
      expect(first.accepted).to.be.at.least(2);
    } finally {
      await early.close();
      first.close();
    }
  });

  it('is kept while it is idle and answers', async () => {
    const patient = connectRedis({ url: proxy.url, epoch: randomUUID(), log: silent, commandTimeoutMs: PATIENT_MS });
    try {
      await eventually('it is up', () => patient.up);
      const { accepted } = proxy;
      await pause(IDLE_MS);
      expect(patient.stats()).to.deep.equal({ up: true, failures: 0 });
      expect(proxy.accepted).to.equal(accepted);
    } finally {
      await patient.close();
    }
  });
});
