import cluster from 'node:cluster';
import type { Command } from 'commander';
import { environment, loadConfig, remarksOnSettings, type Config } from '../config/config.ts';
import { weakSettings } from '../config/weak.ts';
import { createLogger } from '../platform/log.ts';
import { type Running, start } from '../main.ts';
import { startWorkers } from '../workers/primary.ts';
import { work } from '../workers/worker.ts';

/** The limit of the whole stop, Postgres included, ms: supervisors may kill the process after ten seconds. */
const STOP_TIMEOUT_MS = 9_500;
const SAME_WISH_MS = 500;
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

const welcome = (config: Config, shop: Running): string =>
  config.roles.includes('http') ? welcomeToShop(config, shop) : welcomeToParts(config, shop.url);

/** Where metrics are to be had. */
function metricsAt({ metrics: { port, token, openByDefault } }: Config, url: string): string {
  const how = token === undefined ? '' : ' (METRICS_TOKEN)';
  if (port !== undefined) return `${url.replace(/\d+$/, String(port))}/metrics${how}`;
  return token !== undefined || openByDefault
    ? `${url}/metrics${how}`
    : 'closed (METRICS_PORT or METRICS_TOKEN opens them)';
}

const welcomeToParts = (config: Config, url: string): string =>
  [
    `Cartulary serves at ${url}`,
    `  does         ${config.roles.join(', ')}, and no API`,
    `  readiness    ${url}/readyz`,
    `  metrics      ${metricsAt(config, url)}`,
    `  stop         Ctrl-C`,
  ].join('\n');

const MAKE_ADMIN = 'npx cartulary admin create --email you@example.com';

/** The lines about the first administrator after this start. */
function adminOf({ admin }: Config, firstAdmin: Running['firstAdmin']): string {
  switch (firstAdmin) {
    case 'configured':
      return `${admin?.email} (ADMIN_EMAIL)`;
    case 'other':
      return admin === undefined
        ? 'there is one already'
        : 'there is another one already: none was made of ADMIN_EMAIL';
    case 'taken':
      return `none: the address of ADMIN_EMAIL belongs to an account that is no admin. ${MAKE_ADMIN}`;
    case 'none':
      return MAKE_ADMIN;
    case undefined:
      return admin === undefined ? MAKE_ADMIN : `${admin.email} (ADMIN_EMAIL), unless there was another one already`;
  }
}

const welcomeToShop = (config: Config, { url, firstAdmin }: Running): string => {
  const database =
    config.database.url === undefined ? `embedded Postgres in ${config.dataDir}` : 'the Postgres of DATABASE_URL';
  return [
    `Cartulary serves at ${url}`,
    `  API          ${url}/api/v1`,
    `  docs         ${url}/docs`,
    `  health       ${url}/health`,
    `  data         ${database}`,
    `  first admin  ${adminOf(config, firstAdmin)}`,
    `  stop         Ctrl-C`,
  ].join('\n');
};

/**
 * Resolves at the first signal; a later one ends the process at once. Signals within `SAME_WISH_MS` count as one: at Ctrl-C
 * under `npm start`, both the terminal and npm send the signal.
 */
const firstSignal = (): Promise<NodeJS.Signals> =>
  new Promise((resolve) => {
    let asked: number | undefined;
    const ask = (signal: NodeJS.Signals): void => {
      if (asked !== undefined && performance.now() - asked > SAME_WISH_MS) process.exit(1);
      asked ??= performance.now();
      resolve(signal);
    };
    for (const signal of SIGNALS) process.on(signal, ask);
  });

interface Options {
  readonly roles?: string;
  readonly workers?: string;
}

/** Options of the command line override the environment. */
const configOf = ({ roles, workers }: Options): Config =>
  loadConfig({
    ...environment(),
    ...(roles === undefined ? {} : { ROLES: roles }),
    ...(workers === undefined ? {} : { WORKERS: workers }),
  });

async function serve(options: Options): Promise<void> {
  const config = configOf(options);
  const log = createLogger(config.logLevel);
  if (cluster.isWorker) process.exit(await work(config, log));
  for (const remark of [...remarksOnSettings(), ...weakSettings(config)]) log.warn(remark);
  const signalled = firstSignal().then((signal) => {
    log.info({ signal }, 'stopping');
    setTimeout(() => {
      log.error(`not stopped after ${STOP_TIMEOUT_MS} ms: exiting at once; nothing acknowledged is lost`);
      process.exit(1);
    }, STOP_TIMEOUT_MS);
  });
  const shop = config.workers > 1 ? await startWorkers(config, log) : await start(config, { log });
  console.log(welcome(config, shop));
  await signalled;
  await shop.stop();
  log.info('stopped');
  process.exit(0);
}

export function register(program: Command): void {
  program
    .command('serve')
    .description('start the shop: database, migrations, API, projections and handlers')
    .option('--roles <list>', 'what this process does: http,projector,relay,handlers,deadlines (ROLES)')
    .option('--workers <n>', 'how many processes serve HTTP at the one port (WORKERS)')
    .action(serve);
}
