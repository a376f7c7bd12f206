import type { Command } from 'commander';
import { DUPLICATE_WINDOW_MS } from '../bus/nats/jetStream.ts';
import { republish } from '../bus/nats/republish.ts';
import { onLog } from './onShop.ts';
import { count, createProgressBar } from './progressBar.ts';
import { position } from './values.ts';

interface Options {
  readonly from: bigint;
  readonly to?: bigint;
  readonly json?: boolean;
}

const run = ({ from, to: last, json = false }: Options): Promise<void> =>
  onLog(async ({ config: { natsUrls, natsStream }, store, log }) => {
    if (natsUrls === undefined) throw new Error('NATS_URL is not set: there is no bus to publish to.');
    const head = (await store.head()).position;
    const to = last ?? head;
    if (from > to || to > head) throw new Error(`There is nothing from ${from} to ${to}: the log ends at ${head}.`);
    const total = Number(to - from) + 1;
    const unit = store.contiguous ? 'events' : 'of the log’s positions';
    const bar = createProgressBar({ label: 'publish', unit, total, quiet: json });
    const onStored = (stored: bigint): void => bar.update(Number(stored - from) + 1);
    const told = await republish({ store, natsUrls, natsStream, log, from, to, onStored }).finally(() => bar.stop());
    if (json) {
      console.log(JSON.stringify({ from: String(from), to: String(to), ...told }));
      return;
    }
    console.log(`${count(told.published)} events from ${from} to ${to} published.`);
    if (told.known > 0) {
      const minutes = DUPLICATE_WINDOW_MS / 60_000;
      console.log(
        `JetStream had ${count(told.known)} of them and dropped those: it stores an event once within ${minutes} minutes.`,
      );
    }
    if (told.untold > 0) console.log(`${count(told.untold)} could not be published; the log has them.`);
  });

export function register(program: Command): void {
  const events = program.command('events').description('the events that the bus brings');
  events
    .command('publish')
    .description(
      'publish a part of the log on NATS again, for subscribers that missed it; handlers of the shop ignore it',
    )
    .requiredOption('--from <position>', 'first position of the log', position)
    .option('--to <position>', 'last position of the log; its end unless given', position)
    .option('--json', 'as JSON')
    .action(run);
}
