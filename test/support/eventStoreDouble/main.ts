import { startEventStoreDouble } from './server.ts';

/**
 * The double in a separate process, for several shops on one log: `tsx test/support/eventStoreDouble/main.ts [port]`. Prints its
 * address once it listens. Ends at SIGTERM, or when the process that started it has ended.
 */
const [port] = process.argv.slice(2);
const double = await startEventStoreDouble(port === undefined ? {} : { port: Number(port) });
const end = (): void => {
  void double.stop().finally(() => process.exit(0));
};
process.once('SIGTERM', end).once('SIGINT', end).once('disconnect', end);
process.stdout.write(`${double.url}\n`);
