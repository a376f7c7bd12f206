import type { Bus } from './bus.ts';
import { createConsumers, type ConsumersOptions } from './consumers.ts';
import { logFeed } from './feed.ts';

export { checkpointOf } from './consumers.ts';

export type EmbeddedBusOptions = Omit<ConsumersOptions, 'openFeed'>;

/** The bus on Postgres alone: every consumer follows the log itself. */
export const createEmbeddedBus = (options: EmbeddedBusOptions): Bus =>
  createConsumers({ ...options, openFeed: logFeed(options.store) });
