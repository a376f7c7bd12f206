import { expect } from 'chai';
import { pino } from 'pino';
import { openNatsLink, type NatsLink } from '../../../src/bus/nats/natsConnection.ts';
import { eventually } from '../../support/eventually.ts';
import { muteProxy, type Muted } from '../../support/muteProxy.ts';
import { rejection } from '../../support/rejection.ts';
import { createScene, type Scene } from './natsScene.ts';

/** A silent connection is replaced after some six seconds. A crowded machine may take longer. */
const GIVEN_UP_MS = 20_000;
/** Together they fill the buffers of any system. */
const PILE = 64;
const MESSAGE_BYTES = 1_000_000;
const log = pino({ level: 'silent' });

describe('bus · NATS JetStream · a connection that goes silent', function () {
  this.timeout(120_000);
  let scene: Scene;
  let proxy: Awaited<ReturnType<typeof muteProxy>>;
  const links: NatsLink[] = [];
  beforeEach(async () => {
    scene = createScene();
    await scene.startNats();
    proxy = await muteProxy(scene.server.url);
  });
  afterEach(async () => {
    await Promise.all(links.splice(0).map((link) => link.close()));
    await scene.end();
    proxy.close();
  });

  function open(): NatsLink {
    const link = openNatsLink({ urls: [proxy.url], name: 'test', log });
    links.push(link);
    return link;
  }
  const answers = (link: NatsLink): Promise<unknown> =>
    eventually(
      'a new connection answers',
      async () =>
        proxy.accepted > 1 &&
        link.connected &&
        link.ping().then(
          () => true,
          () => false,
        ),
      GIVEN_UP_MS,
    );

  it('is replaced though nobody uses it', async () => {
    const link = open();
    await eventually('it is up', () => link.connected);
    proxy.mute();
    await eventually('it is broken', () => !link.connected, GIVEN_UP_MS);
    await answers(link);
  });

  it('is replaced though what it was to send piles up', async () => {
    const link = open();
    const connection = await link.connection(new AbortController().signal);
    proxy.mute('stuck');
    for (let n = 0; n < PILE; n += 1) connection!.publish('nobody.listens', new Uint8Array(MESSAGE_BYTES));
    await eventually('it is broken', () => !link.connected, GIVEN_UP_MS);
    await answers(link);
  });

  it('is reported by the probe of readiness while it stands', async () => {
    const link = open();
    await eventually('it is up', () => link.connected);
    proxy.mute();
    expect((await rejection(link.ping())).message).to.match(/did not answer/);
    await answers(link);
  });

  it('is replaced when it goes silent before the server has greeted', async () => {
    proxy.muteNext();
    const link = open();
    await eventually('it is up', () => link.connected, GIVEN_UP_MS);
    expect(proxy.accepted).to.be.at.least(2);
  });

  for (const lost of ['all', 'answers'] as const satisfies readonly Muted[]) {
    it(`while events flow: nothing is lost or doubled, and the stream brings them again (lost: ${lost})`, async () => {
      await scene.startWorld({}, proxy.url);
      await scene.startBus();
      await scene.flowsAgain();
      const { accepted } = proxy;
      proxy.mute(lost);
      await scene.goOn(20);
      await scene.caughtUp();
      scene.expectAllOnce();
      await eventually(
        'all is published',
        async () => scene.world.relay.status().position === (await scene.world.store.head()).position,
        GIVEN_UP_MS,
      );
      await scene.flowsAgain();
      scene.expectAllOnce();
      expect(proxy.accepted).to.be.at.least(accepted + 2);
    });
  }
});
