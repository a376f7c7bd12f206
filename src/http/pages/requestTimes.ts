/** Upper bounds of the buckets, in seconds. */
const BUCKETS_S = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];
const ERROR_STATUS_MIN = 500;
const HISTOGRAM = 'http_request_duration_seconds';
const ERRORS = 'http_errors_total';

interface Times {
  readonly labels: { readonly route: string; readonly method: string; readonly status: string };
  readonly isError: boolean;
  /** Requests per bucket; the last bucket counts all that took longer. */
  readonly counts: Float64Array;
  sum: number;
}

interface Value {
  readonly metricName?: string;
  readonly labels: Readonly<Record<string, string | number>>;
  readonly value: number;
}

/** The parts of a metric that `prom-client` uses to print it. */
export interface PrintedMetric {
  readonly name: string;
  readonly help: string;
  readonly type: string;
  readonly aggregator: string;
  reset(): void;
  get(): Promise<{ name: string; help: string; type: string; aggregator: string; values: Value[] }>;
}

function histogramValues({ labels, counts, sum }: Times): Value[] {
  let total = 0;
  const buckets = [...BUCKETS_S, '+Inf'].map((le, index) => {
    total += counts[index] ?? 0;
    return { metricName: `${HISTOGRAM}_bucket`, labels: { ...labels, le }, value: total };
  });
  return [
    ...buckets,
    { metricName: `${HISTOGRAM}_sum`, labels, value: sum },
    { metricName: `${HISTOGRAM}_count`, labels, value: total },
  ];
}

/**
 * Durations of requests by route, method and status, counted without allocations. prom-client's own histogram builds a text
 * of its labels for every observation, which is a good part of what a cached answer costs.
 */
export function createRequestTimes() {
  const byRoute = new Map<string, Map<string, Map<number, Times>>>();
  const all: Times[] = [];

  const timesOf = (route: string, method: string, status: number): Times => {
    let byMethod = byRoute.get(route);
    if (byMethod === undefined) byRoute.set(route, (byMethod = new Map<string, Map<number, Times>>()));
    let byStatus = byMethod.get(method);
    if (byStatus === undefined) byMethod.set(method, (byStatus = new Map<number, Times>()));
    let times = byStatus.get(status);
    if (times === undefined) {
      const labels = { route, method, status: String(status) };
      const counts = new Float64Array(BUCKETS_S.length + 1);
      times = { labels, isError: status >= ERROR_STATUS_MIN, counts, sum: 0 };
      byStatus.set(status, times);
      all.push(times);
    }
    return times;
  };

  const metric = (name: string, type: string, help: string, values: () => Value[]): PrintedMetric => ({
    name,
    help,
    type,
    aggregator: 'sum',
    reset() {
      byRoute.clear();
      all.length = 0;
    },
    get: () => Promise.resolve({ name, help, type, aggregator: 'sum', values: values() }),
  });

  return {
    observe(route: string, method: string, status: number, seconds: number): void {
      const times = timesOf(route, method, status);
      let bucket = 0;
      while (bucket < BUCKETS_S.length && seconds > (BUCKETS_S[bucket] ?? Infinity)) bucket += 1;
      times.counts[bucket]! += 1;
      times.sum += seconds;
    },
    metrics: [
      metric(HISTOGRAM, 'histogram', 'Time from the request to its answer.', () => all.flatMap(histogramValues)),
      metric(ERRORS, 'counter', 'Answers with a status of 500 or above.', () =>
        all
          .filter(({ isError }) => isError)
          .map(({ labels, counts }) => ({ labels, value: counts.reduce((sum, count) => sum + count, 0) })),
      ),
    ],
  };
}
