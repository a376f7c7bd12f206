import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

const PROBE_MS = 15_000;
const OUR_PORT = '8080';

/** Runs a container's own check (`node -e …`) against this port. Resolves to its exit code. */
function exitCodeOf(command: readonly string[], port: number): Promise<number | null> {
  const [program, ...args] = command;
  if (program !== 'node') throw new Error(`not a check that can be run here: ${command.join(' ')}`);
  const here = args.map((arg) => arg.replaceAll(`:${OUR_PORT}`, `:${port}`));
  const child = spawn(process.execPath, here, {
    env: { PORT: String(port), PATH: process.env['PATH'] },
    stdio: 'inherit',
    timeout: PROBE_MS,
  });
  return once(child, 'exit').then(([code]) => code as number | null);
}

/** The paths that the check requests, and its exit codes when the answer is 200, when it is 503, and when no server listens. */
export async function tryProbe(command: readonly string[]) {
  let status = 200;
  const paths = new Set<string>();
  const server = createServer((req, res) => {
    paths.add(req.url ?? '');
    res.writeHead(status).end();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const healthy = await exitCodeOf(command, port);
  status = 503;
  const unready = await exitCodeOf(command, port);
  server.closeAllConnections();
  server.close();
  await once(server, 'close');
  const absent = await exitCodeOf(command, port);
  return { paths: [...paths], healthy, unready, absent };
}
