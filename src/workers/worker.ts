import type { Config } from '../config/config.ts';
import { createMetrics, textOf, type Collector, type MetricValues, type Metrics } from '../http/pages/metrics.ts';
import type { Logger } from '../platform/log.ts';
import { start } from '../main.ts';
import { isOurs, type Task, type ToPrimary, type ToWorker } from './crew.ts';

const BEGIN_TIMEOUT_MS = 30_000;
/** Longer than the primary waits for those who do not tell theirs. */
const GATHER_TIMEOUT_MS = 4_000;

/** Sent before a process ends, it must have left before the process does. */
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

/** Tells how many workers a sum is of. */
export const WORKERS: Collector = {
  name: 'workers',
  help: 'Workers whose metrics these are',
  read: () => [{ value: 1 }],
};

/** Metrics that whichever worker is asked gives for all of them. */
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
    const timer = setTimeout(() => reject(new Error('The primary gave this worker nothing to do.')), BEGIN_TIMEOUT_MS);
    onMessage((message) => {
      if (message.cartulary !== 'begin') return;
      clearTimeout(timer);
      resolve(message.task);
    });
    void tell({ cartulary: 'ready' });
  });

const configFor = (config: Config, { roles, databaseUrl, jwtSecret, masterKey }: Task): Config => ({
  ...config,
  roles,
  database: { ...config.database, url: databaseUrl },
  auth: { ...config.auth, jwtSecret, masterKey: Buffer.from(masterKey, 'base64') },
});

/** The primary's word, or a signal to this worker alone; the terminal's go to all, and the primary passes them on. */
const toldToStop = (): Promise<void> =>
  new Promise((resolve) => {
    onMessage(({ cartulary }) => {
      if (cartulary === 'stop') resolve();
    });
    process.on('SIGTERM', () => resolve());
    for (const signal of ['SIGINT', 'SIGHUP'] as const) process.on(signal, () => undefined);
  });

/** Does its share until told to stop; resolves with the exit code. Without its primary it ends at once, as Node has it. */
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
    await tell({ cartulary: 'failed', message: error instanceof Error ? error.message : String(error) });
    return 1;
  }
}
