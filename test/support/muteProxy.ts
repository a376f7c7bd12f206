import net from 'node:net';
import { once } from 'node:events';

/** A proxy before a server. Once it is mute, it swallows all bytes of the connections so far, without a sign; new ones work. */
export async function muteProxy(target: string) {
  const { hostname, port } = new URL(target);
  const pairs = new Set<net.Socket>();
  const server = net.createServer((inner) => {
    const outer = net.connect(Number(port || 5_432), hostname);
    for (const [from, to] of [
      [inner, outer],
      [outer, inner],
    ] as const) {
      pairs.add(from);
      from.on('error', () => undefined).on('close', () => to.destroy());
      from.pipe(to);
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = new URL(target);
  url.hostname = '127.0.0.1';
  url.port = String((server.address() as net.AddressInfo).port);
  return {
    url: url.href,
    mute(): void {
      for (const socket of pairs) socket.unpipe().removeAllListeners('data').resume();
      pairs.clear();
    },
    close(): void {
      server.close();
      for (const socket of pairs) socket.destroy();
    },
  };
}
