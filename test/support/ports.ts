import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';

const PORT_MIN = 10_000;
/** Where Linux begins with the ports of outgoing connections, unless told otherwise. */
const PORT_MAX = 32_768;
const PORT_TRIES_MAX = 100;

const isFree = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });

/**
 * A port that nobody uses, out of those that systems give to no outgoing connection: one of those could take it before the
 * server does, and while a server is away a client that tries to reach it could even be connected to itself.
 */
export async function freePort(): Promise<number> {
  for (let tries = 0; tries < PORT_TRIES_MAX; tries += 1) {
    const port = randomInt(PORT_MIN, PORT_MAX);
    if (await isFree(port)) return port;
  }
  throw new Error(`none of ${PORT_TRIES_MAX} ports between ${PORT_MIN} and ${PORT_MAX} is free`);
}
