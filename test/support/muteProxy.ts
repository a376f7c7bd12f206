import net from 'node:net';
import { once } from 'node:events';

/**
 * The fate of the connections so far: all bytes get lost; or those of the server only, so that it does what it was asked; or the
 * proxy takes no more bytes, so that they pile up with the client.
 */
export type Muted = 'all' | 'answers' | 'stuck';

interface Pair {
  readonly inner: net.Socket;
  readonly outer: net.Socket;
}

const swallow = (socket: net.Socket): unknown => socket.unpipe().removeAllListeners('data').resume();

/**
 * A proxy before a server. Once it is mute, the bytes of the connections so far get lost without a sign: it does not end them, even
 * when the client has ended its side. New connections work. It can be turned to another server.
 */
export async function muteProxy(target: string) {
  let { hostname, port } = new URL(target);
  const pairs = new Set<Pair>();
  const sockets = new Set<net.Socket>();
  let accepted = 0;
  let muteNew = false;
  const server = net.createServer({ allowHalfOpen: true }, (inner) => {
    accepted += 1;
    const outer = net.connect({ port: Number(port || 5_432), host: hostname, allowHalfOpen: true });
    const pair = { inner, outer };
    pairs.add(pair);
    for (const socket of [inner, outer]) {
      sockets.add(socket);
      socket.on('error', () => undefined).on('close', () => sockets.delete(socket));
    }
    inner.on('close', () => {
      pairs.delete(pair);
      outer.destroy();
    });
    // The client of a muted connection does not notice that the server has ended its side.
    outer.on('close', () => pairs.delete(pair) && inner.destroy());
    inner.pipe(outer);
    outer.pipe(inner);
    if (muteNew) mute();
    muteNew = false;
  });
  function mute(what: Muted = 'all'): void {
    for (const { inner, outer } of pairs) {
      swallow(outer);
      if (what === 'all') swallow(inner);
      else if (what === 'stuck') inner.unpipe().pause();
    }
    pairs.clear();
  }
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = new URL(target);
  url.hostname = '127.0.0.1';
  url.port = String((server.address() as net.AddressInfo).port);
  return {
    url: url.href,
    /** How many connections were opened. */
    get accepted() {
      return accepted;
    },
    mute,
    /** Makes the next connection mute from its start. */
    muteNext(): void {
      muteNew = true;
    },
    /** New connections lead to another server. Those so far are cut. */
    turnTo(other: string): void {
      ({ hostname, port } = new URL(other));
      for (const socket of sockets) socket.destroy();
    },
    close(): void {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}
