import os from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import type { SpanExporter } from '@opentelemetry/sdk-trace';
import type { Config } from '../config/config.ts';
import type { Logger } from './log.ts';
import { traceWith } from './trace.ts';

/** Interval at which spans are sent in batches. */
const SEND_EVERY_MS = 1_000;
/** Spans in memory, at most. Further ones are dropped, so that a collector that does not answer does no other harm. */
const SPANS_WAITING_MAX = 4_096;
const SEND_TIMEOUT_MS = 5_000;
/** How long stopping waits for the last spans to be delivered. */
const STOP_MS = 1_500;
const COMPLAIN_EVERY_MS = 60_000;

/** Logs failed deliveries, at most once per `COMPLAIN_EVERY_MS`. */
function complaining(exporter: SpanExporter, log: Logger): SpanExporter {
  let quietUntil = -Infinity;
  return {
    export: (spans, done) =>
      exporter.export(spans, (result) => {
        if (result.error !== undefined && performance.now() >= quietUntil) {
          quietUntil = performance.now() + COMPLAIN_EVERY_MS;
          log.warn({ err: result.error, spans: spans.length }, 'traces could not be delivered');
        }
        done(result);
      }),
    shutdown: () => exporter.shutdown(),
    forceFlush: () => exporter.forceFlush?.() ?? Promise.resolve(),
  };
}

/**
 * Starts tracing. Only this module uses OpenTelemetry's SDK, and loads it only when a traces endpoint is configured. Returns
 * the function that sends the last spans and stops tracing, within `STOP_MS`.
 */
export async function startTracing(
  tracing: Config['tracing'],
  { log, version }: { log: Logger; version: string },
): Promise<() => Promise<void>> {
  if (tracing === undefined) return () => Promise.resolve();
  const [sdk, { OTLPTraceExporter }, { resourceFromAttributes }] = await Promise.all([
    import('@opentelemetry/sdk-trace'),
    import('@opentelemetry/exporter-trace-otlp-http'),
    import('@opentelemetry/resources'),
  ]);
  const { endpoint, headers, serviceName, sampleRatio } = tracing;
  const exporter = new OTLPTraceExporter({
    url: `${endpoint.replace(/\/+$/, '')}/v1/traces`,
    headers: { ...headers },
    timeoutMillis: SEND_TIMEOUT_MS,
  });
  const provider = new sdk.TracerProvider({
    resource: resourceFromAttributes({
      'service.name': serviceName,
      'service.version': version,
      'service.instance.id': `${os.hostname()}:${process.pid}`,
    }),
    sampler: new sdk.ParentBasedSampler({ root: new sdk.TraceIdRatioBasedSampler(sampleRatio) }),
    spanProcessors: [
      new sdk.BatchSpanProcessor({
        exporter: complaining(exporter, log),
        maxQueueSize: SPANS_WAITING_MAX,
        scheduledDelayMillis: SEND_EVERY_MS,
        exportTimeoutMillis: SEND_TIMEOUT_MS,
      }),
    ],
  });
  traceWith(provider.getTracer('cartulary', version));
  return async () => {
    traceWith(undefined);
    const enough = new AbortController();
    const patience = delay(STOP_MS, undefined, { signal: enough.signal, ref: false }).catch(() => undefined);
    await Promise.race([provider.shutdown().catch(() => undefined), patience]);
    enough.abort();
  };
}
