import {
  AggregatorRegistry,
  collectDefaultMetrics,
  Gauge,
  Histogram,
  Registry,
  type Metric,
  type MetricObjectWithValues,
  type MetricValue,
} from 'prom-client';
import { createRequestTimes } from './requestTimes.ts';

const APPEND_BUCKETS_S = [0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5];

/** One value of a metric that another part keeps; it is read only when the metrics are requested. */
export interface Sample {
  readonly labels?: Readonly<Record<string, string>>;
  readonly value: number;
}

/** The source of values that the HTTP edge does not have: lag of projections, dead letters, cache hits, … */
export interface Collector {
  /** Without the prefix `cartulary_`. */
  readonly name: string;
  readonly help: string;
  readonly labels?: readonly string[];
  read(): readonly Sample[] | Promise<readonly Sample[]>;
}

export interface Metrics {
  observe(route: string, method: string, status: number, seconds: number): void;
  observeAppend(seconds: number): void;
  collect(collector: Collector): void;
  readonly contentType: string;
  text(): Promise<string>;
  /** For another process, which combines the metrics of several processes. */
  values(): Promise<MetricValues>;
}

/** The metrics of one process, in the form in which processes exchange them. */
export type MetricValues = MetricObjectWithValues<MetricValue<string>>[];

/** Combines the metrics of several processes into one text, as prom-client aggregates them: counts are summed. */
export const textOf = (processes: readonly MetricValues[]): Promise<string> =>
  AggregatorRegistry.aggregate([...processes]).metrics();

const PREFIX = 'cartulary_';

async function reading(collector: Collector): Promise<readonly Sample[]> {
  try {
    return await collector.read();
  } catch {
    return [];
  }
}

/** Process metrics, HTTP durations by route, append latency, and the values of added collectors. */
export function createMetrics(): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const requests = createRequestTimes();
  for (const metric of requests.metrics) registry.registerMetric(metric as unknown as Metric);
  const append = new Histogram({
    name: `${PREFIX}append_duration_seconds`,
    help: 'Time of one durable append to the log.',
    buckets: APPEND_BUCKETS_S,
    registers: [registry],
  });

  return {
    observe: (...request) => requests.observe(...request),
    observeAppend: (seconds) => append.observe(seconds),
    collect(collector) {
      const { name, help, labels = [] } = collector;
      new Gauge({
        name: PREFIX + name,
        help,
        labelNames: [...labels],
        registers: [registry],
        async collect() {
          this.reset();
          // After a reset, a metric without labels would report 0, which is a value too.
          if (labels.length === 0) this.remove();
          // A collector that fails leaves only its own metric without values.
          const samples = await reading(collector);
          for (const sample of samples) this.set({ ...sample.labels }, sample.value);
        },
      });
    },
    contentType: registry.contentType,
    text: () => registry.metrics(),
    values: () => registry.getMetricsAsJSON(),
  };
}
