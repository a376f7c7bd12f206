import { type Config, ConfigError } from '../config/config.ts';
import { createMetrics, textOf, type Collector, type MetricValues, type Metrics } from '../http/pages/metrics.ts';
import type { Logger } from '../platform/log.ts';
import { start } from '../main.ts';
import { isOurs, type Task, type ToPrimary, type ToWorker } from './crew.ts';

const BEGIN_TIMEOUT_MS = 30_000;
/** Longer than the primary waits for workers that do not answer, ms. */
const GATHER_TIMEOUT_MS = 4_000;

/** Resolves once the message was sent, so that it is not lost when the process ends. */
const tell = (message: ToPrimary): Promise<void> =>
  new Promise((resolve) => {
    if (process.send === undefined || !process.connected) resolve();
    else process.send(message, () => resolve());
  });

function onMessage(listener: (message: ToWorker) => void): void {
  process.on('message', (message: unknown) => {
    if (isOurs(message)) listener(message as ToWorker);
  });
}

/** Adds up to the number of workers whose metrics are summed. */
export const WORKERS: Collector = {
  name: 'workers',
  help: 'Workers whose metrics these are',
  read: () => [{ value: 1 }],
};

/** Metrics whose text covers all workers, whichever worker is asked. */
function sharedMetrics(): Metrics {
  const own = createMetrics();
  own.collect(WORKERS);
  const waiting = new Map<number, (metrics: readonly MetricValues[]) => void>();
  let last = 0;
  onMessage((message) => {
    if (message.cartulary === 'gathered') waiting.get(message.id)?.(message.metrics);
    else if (message.cartulary === 'tell') {
      const { id } = message;
      own.values().then(
        (metrics) => tell({ cartulary: 'told', id, metrics }),
        () => undefined,
      );
    }
  });
  const gathered = (): Promise<readonly MetricValues[]> =>
    new Promise((resolve, reject) => {
      const id = (last += 1);
      const done = (): void => {
        clearTimeout(timer);
        waiting.delete(id);
      };
      const timer = setTimeout(() => {
        done();
        reject(new Error(`the primary did not gather metrics within ${GATHER_TIMEOUT_MS} ms`));
      }, GATHER_TIMEOUT_MS);
      waiting.set(id, (metrics) => {
        done();
        resolve(metrics);
      });
      void tell({ cartulary: 'gather', id });
    });
  return { ...own, text: async () => textOf(await gathered()) };
}

const given = (): Promise<Task> =>
  new Promise((resolve, reject) => {
    const timer = setTimeout(
      () => reject(new Error('The primary did not tell this worker its roles in time.')),
      BEGIN_TIMEOUT_MS,
    );
    onMessage((message) => {
      if (message.cartulary !== 'begin') return;
      clearTimeout(timer);
      resolve(message.task);
    });
    void tell({ cartulary: 'ready' });
  });

const configFor = (config: Config, { roles, databaseUrl, jwtSecret, masterKey, formerMasterKeys }: Task): Config => ({
  ...config,
  roles,
  database: { ...config.database, url: databaseUrl },
  auth: {
    ...{ ...config.auth, jwtSecret, masterKey: Buffer.from(masterKey, 'base64') },
    formerMasterKeys: formerMasterKeys.map((key) => Buffer.from(key, 'base64')),
  },
});

/** Resolves at the primary's `stop`, or at a SIGTERM to this worker. SIGINT and SIGHUP are ignored: the primary passes them on. */
const toldToStop = (): Promise<void> =>
  new Promise((resolve) => {
    onMessage(({ cartulary }) => {
      if (cartulary === 'stop') resolve();
    });
    process.on('SIGTERM', () => resolve());
    for (const signal of ['SIGINT', 'SIGHUP'] as const) process.on(signal, () => undefined);
  });

/** Runs this worker until it must stop; resolves with the exit code. If the primary dies, Node ends the worker at once. */
export async function work(config: Config, log: Logger): Promise<number> {
  const stop = toldToStop();
  try {
    const task = await given();
    const faceless = !task.roles.includes('http');
    const running = await start(configFor(config, task), { log, metrics: sharedMetrics(), faceless });
    await tell({ cartulary: 'up', url: running.url });
    await stop;
    await running.stop();
    return 0;
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    await tell({ cartulary: 'failed', message, ...(error instanceof ConfigError ? { problems: error.problems } : {}) });
    return 1;
  }
}
