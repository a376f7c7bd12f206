import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';

const PORT_MIN = 10_000;
/** The first port of outgoing connections on Linux, by default. */
const PORT_MAX = 32_768;
const PORT_TRIES_MAX = 100;

const isFree = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });

/**
 * A free port outside the range of outgoing connections. An outgoing connection could take a port of that range before the server
 * does. And while a server is down, a client that tries to reach it could even connect to itself.
 */
export async function freePort(): Promise<number> {
  for (let tries = 0; tries < PORT_TRIES_MAX; tries += 1) {
    const port = randomInt(PORT_MIN, PORT_MAX);
    if (await isFree(port)) return port;
  }
  throw new Error(`none of ${PORT_TRIES_MAX} ports between ${PORT_MIN} and ${PORT_MAX} is free`);
}
