import { runCartulary, spawnServer, type ProgramOptions, type ServerProcess } from '../support/process.ts';
import type { Json } from '../support/shop.ts';

const STOP_MS = 15_000;

/** A shop on its data, which can be started and stopped repeatedly, and the command line on the same data. */
export interface Place {
  /** The URL of the running server. */
  url(): string;
  /** Starts the shop; stops it first when it runs. */
  start(env?: Readonly<Record<string, string>>): Promise<void>;
  stop(): Promise<void>;
  /** Runs a command that must succeed. Resolves to its stdout. */
  run(args: readonly string[], input?: string): Promise<string>;
  /** Runs a command with `--json` that must succeed. Resolves to its parsed stdout. */
  json(...args: readonly string[]): Promise<Json>;
}

/** `program.env` says where the data is. */
export function placeOn(program: ProgramOptions): Place {
  let server: ServerProcess | undefined;
  const withEnv = (env: Readonly<Record<string, string>>): ProgramOptions => ({
    ...program,
    env: { LOG_LEVEL: 'warn', ...program.env, ...env },
  });
  const place: Place = {
    url() {
      if (server === undefined) throw new Error('the shop is not running');
      return server.url;
    },
    async start(env = {}) {
      await place.stop();
      server = await spawnServer(withEnv(env));
    },
    async stop() {
      const ending = server;
      server = undefined;
      if (ending === undefined) return;
      const { code, signal } = await ending.end('SIGTERM', STOP_MS);
      if (code !== 0) throw new Error(`the shop stopped with ${code ?? signal ?? '?'}:\n${ending.output()}`);
    },
    async run(args, input) {
      const options = { ...withEnv({}), ...(input === undefined ? {} : { input }) };
      const { code, signal, answer, output } = await runCartulary(args, options);
      if (code === 0) return answer;
      throw new Error(`cartulary ${args.join(' ')} ended with ${code ?? signal ?? '?'}:\n${output}`);
    },
    json: async (...args) => JSON.parse(await place.run([...args, '--json'])),
  };
  return place;
}
