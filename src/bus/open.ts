import type { Bus } from './bus.ts';
import { createEmbeddedBus, type EmbeddedBusOptions } from './embedded.ts';
import { createNatsBus } from './nats.ts';
import { openNatsLink } from './natsLink.ts';
import { STREAM_SETTINGS, type NatsStreamSettings } from './natsStream.ts';
import { createRelay, type RelayOptions, type RelayStatus } from './relay.ts';

/** `NATS_URL` and what belongs to it. */
export interface NatsSettings {
  /** Undefined is the bus on Postgres. */
  readonly natsUrls: readonly string[] | undefined;
  readonly natsStream?: Partial<NatsStreamSettings>;
}

export interface OpenBusOptions extends EmbeddedBusOptions, NatsSettings {}

/** The consumers' side of the bus of this configuration. Does not wait for NATS. */
export const openBus = ({ natsUrls, natsStream = {}, ...options }: OpenBusOptions): Promise<Bus> =>
  Promise.resolve(
    natsUrls === undefined
      ? createEmbeddedBus(options)
      : createNatsBus({ ...options, urls: natsUrls, stream: natsStream }),
  );

export interface OpenRelayOptions extends Omit<RelayOptions, 'link' | 'settings'>, NatsSettings {}

export interface OpenRelay {
  start(): void;
  status(): RelayStatus;
  /** Rejects when NATS does not answer. */
  ping(): Promise<void>;
  /** Waits for what is in flight, up to a bound. Never rejects. */
  stop(): Promise<void>;
}

/** What brings the log onto the bus; undefined where the bus is the log itself. Does not wait for NATS. */
export function openRelay({ natsUrls, natsStream, ...options }: OpenRelayOptions): OpenRelay | undefined {
  if (natsUrls === undefined) return undefined;
  const link = openNatsLink({ urls: natsUrls, name: `cartulary relay ${options.owner}`, log: options.log });
  const relay = createRelay({ ...options, link, settings: { ...STREAM_SETTINGS, ...natsStream } });
  return {
    ...relay,
    ping: () => link.ping(),
    async stop() {
      await relay.stop();
      await link.close();
    },
  };
}
