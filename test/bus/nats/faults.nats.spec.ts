import { expect } from 'chai';
import { rm } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';
import type { JetStreamManager } from 'nats';
import { freePort } from '../../support/ports.ts';
import { createScene, type Scene } from './natsScene.ts';
import { CONSUMER } from '../world.ts';

describe('bus · NATS JetStream · faults', function () {
  this.timeout(120_000);
  let scene: Scene;
  beforeEach(() => {
    scene = createScene();
  });
  afterEach(() => scene.end());

  it('kill -9 in the midst of it: nothing is lost or doubled, and the stream comes back', async () => {
    await scene.startAll();
    await scene.flowsAgain();
    const working = scene.goOn(60);
    await pause(30);
    await scene.server.end('SIGKILL');
    await working;
    await scene.caughtUp();
    scene.expectAllOnce();
    await scene.startNats({ port: scene.server.port, dir: scene.server.dir });
    await scene.flowsAgain();
    scene.expectAllOnce();
  });

  it('the server’s files wiped: the stream and its consumer are made anew', async () => {
    await scene.startAll();
    await scene.flowsAgain();
    await scene.server.end('SIGKILL');
    await rm(scene.server.dir, { recursive: true, force: true });
    await scene.goOn(20);
    await scene.startNats({ port: scene.server.port });
    await scene.goOn(5);
    await scene.flowsAgain();
    scene.expectAllOnce();
  });

  it('stream purged, consumer deleted, stream deleted: noticed and made good, each of them', async () => {
    await scene.startAll();
    await scene.flowsAgain();
    const acts: ((manager: JetStreamManager) => Promise<unknown>)[] = [
      (manager) => manager.streams.purge(scene.world.stream),
      (manager) => manager.consumers.delete(scene.world.stream, CONSUMER),
      (manager) => manager.streams.delete(scene.world.stream),
    ];
    for (const act of acts) {
      await scene.goOn(5);
      await scene.outside(act);
      await scene.goOn(5);
      await scene.flowsAgain();
      scene.expectAllOnce();
    }
    expect(scene.bus.broker!.stats().rebuilt).to.be.at.least(2);
    await scene.outside(async (manager) => {
      const { config } = await manager.consumers.info(scene.world.stream, CONSUMER);
      expect(config).to.include({ durable_name: CONSUMER, ack_policy: 'explicit' });
    });
  });

  it('away at the start, and for longer than duplicates are known: everything goes on from the log', async () => {
    const port = await freePort();
    await scene.startWorld({ settings: { duplicateWindowMs: 200 } }, `nats://127.0.0.1:${port}`);
    await scene.startBus();
    await scene.goOn(30);
    await scene.caughtUp();
    scene.expectAllOnce();
    expect(scene.bus.broker!.stats()).to.include({ connected: false, onLog: 1 });
    await scene.startNats({ port });
    await scene.flowsAgain();
    scene.expectAllOnce();
    await scene.published();
    await scene.outside(async (manager) => {
      const { state } = await manager.streams.info(scene.world.stream);
      expect(state.messages).to.equal(Number((await scene.world.store.head()).position));
    });
  });

  it('frozen, and thawed: no process waits for it', async () => {
    await scene.startAll();
    await scene.flowsAgain();
    scene.server.kill('SIGSTOP');
    await scene.goOn(10);
    const began = performance.now();
    await scene.caughtUp();
    expect(performance.now() - began).to.be.lessThan(15_000);
    scene.expectAllOnce();
    scene.server.kill('SIGCONT');
    await scene.flowsAgain();
    scene.expectAllOnce();
  });
});
