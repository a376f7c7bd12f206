import type { Bus } from '../bus/bus.ts';
import { createEmbeddedBus, type EmbeddedBusOptions } from '../bus/consumers.ts';
import type { NatsStreamSettings } from '../bus/nats/jetStream.ts';
import type { RelayOptions, RelayStatus } from '../bus/nats/relay.ts';
import { SHAPES } from './newer.ts';

/** `NATS_URL` and the settings of its stream. */
interface NatsSettings {
  /** Undefined means the bus on Postgres. */
  readonly natsUrls: readonly string[] | undefined;
  readonly natsStream?: Partial<NatsStreamSettings>;
}

export interface OpenBusOptions extends EmbeddedBusOptions, NatsSettings {}

/** The consumer side of the configured bus. Does not wait for NATS; its client is loaded only when NATS is used. */
export async function openBus({ natsUrls, natsStream = {}, ...options }: OpenBusOptions): Promise<Bus> {
  if (natsUrls === undefined) return createEmbeddedBus(options);
  const { createNatsBus } = await import('../bus/nats/natsBus.ts');
  return createNatsBus({ ...options, urls: natsUrls, stream: natsStream, upcasters: SHAPES });
}

export interface OpenRelayOptions extends Omit<RelayOptions, 'link' | 'settings'>, NatsSettings {}

export interface OpenRelay {
  start(): void;
  status(): RelayStatus;
  /** Rejects when NATS does not answer. */
  ping(): Promise<void>;
  /** Waits for what is in flight, up to a bound. Never rejects. */
  stop(): Promise<void>;
}

/** The relay, which publishes the log on NATS; undefined without NATS, where the bus reads the log. Does not wait for NATS. */
export async function openRelay({
  natsUrls,
  natsStream,
  ...options
}: OpenRelayOptions): Promise<OpenRelay | undefined> {
  if (natsUrls === undefined) return undefined;
  const [{ openNatsLink }, { STREAM_SETTINGS }, { createRelay }] = await Promise.all([
    import('../bus/nats/natsConnection.ts'),
    import('../bus/nats/jetStream.ts'),
    import('../bus/nats/relay.ts'),
  ]);
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
