import type { Bus } from './bus.ts';
import { createEmbeddedBus, type EmbeddedBusOptions } from './embedded.ts';

export interface OpenBusOptions extends EmbeddedBusOptions {
  /** `NATS_URL`. */
  readonly natsUrls: readonly string[] | undefined;
}

/** The bus of this configuration. */
export const openBus = ({ natsUrls: _, ...options }: OpenBusOptions): Promise<Bus> =>
  Promise.resolve(createEmbeddedBus(options));
