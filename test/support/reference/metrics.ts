import { readFileSync } from 'node:fs';
import path from 'node:path';
import { collectDefaultMetrics, Registry, type Metric } from 'prom-client';
import { code, page, sentence, table } from './markdown.ts';
import { collectorsOf, createMetrics, WORKERS, type Bus, type Collector, type Observed } from './shop.ts';

const PAGE = path.resolve(import.meta.dirname, '../../../docs/reference/metrics.md');

interface Described {
  readonly name: string;
  readonly type: string;
  readonly labels: readonly string[];
  readonly help: string;
}

/** The status of a failed request, so that the counter of failures has counted one. */
const STATUS = 500;

/** Makes one observation of each metric of the edge and the log, so that its labels show. */
async function ownMetrics(): Promise<Described[]> {
  const metrics = createMetrics();
  metrics.observe('/', 'GET', STATUS, 0);
  metrics.observeAppend(0);
  const defaults = new Set(defaultMetrics().map(({ name }) => name));
  const values = await metrics.values();
  return values
    .filter(({ name }) => !defaults.has(name))
    .map(({ name, type, help, values: samples }) => ({
      ...{ name, help, type: String(type) },
      labels: [...new Set(samples.flatMap(({ labels }) => Object.keys(labels)))].filter((label) => label !== 'le'),
    }));
}

/** prom-client's types leave out the names of a metric's labels. */
type Labelled = Metric & { readonly name: string; readonly help: string; readonly labelNames: readonly string[] };

function defaultMetrics(): Described[] {
  const register = new Registry();
  collectDefaultMetrics({ register });
  return (register.getMetricsAsArray() as unknown as Labelled[]).map((metric) => ({
    ...{ name: metric.name, help: metric.help, labels: metric.labelNames },
    type: metric.constructor.name.toLowerCase(),
  }));
}

const gauges = (collectors: readonly Collector[]): Described[] =>
  collectors.map(({ name, help, labels = [] }) => ({ name: `cartulary_${name}`, help, labels, type: 'gauge' }));

/** A part that does not exist: only the names of its metrics are read. */
const absent = <T>(): T => ({}) as T;
const NONE: Observed = { cache: absent(), redis: undefined, db: absent() };

/** The metrics of `more` parts that `fewer` parts do not have. */
function added(fewer: Partial<Observed>, more: Partial<Observed>): Described[] {
  const known = new Set(collectorsOf({ ...NONE, ...fewer }).map(({ name }) => name));
  return gauges(collectorsOf({ ...NONE, ...more }).filter(({ name }) => !known.has(name)));
}

const rows = (metrics: readonly Described[]): string =>
  table(
    ['metric', 'type', 'labels', 'meaning'],
    metrics.map(({ name, type, labels, help }) => [
      code(name),
      type,
      labels.length === 0 ? '–' : labels.map(code).join(', '),
      sentence(help),
    ]),
  );

const INTRODUCTION = `Every process serves its metrics at \`GET /metrics\`, in the text format of Prometheus. With \`WORKERS\` the answer is that of all
workers of the machine: counters, gauges and histograms are summed. Rules, alerts and a dashboard are in \`deploy/prometheus\` and \`deploy/grafana\`.`;

const DEFAULTS_HEADING = '## The process';

/** Node has the most metrics on Linux. On other systems this part of the page stays as it is. */
function defaultsSection(): string {
  if (process.platform === 'linux') return rows(defaultMetrics());
  const kept = readFileSync(PAGE, 'utf8');
  return kept.slice(kept.indexOf(DEFAULTS_HEADING) + DEFAULTS_HEADING.length).trim();
}

interface Section {
  readonly title: string;
  readonly remark: string;
  readonly metrics: readonly Described[];
}

async function sections(): Promise<Section[]> {
  const bus = absent<Bus>();
  return [
    {
      title: 'The edge, the log and the cache',
      remark: 'Every process tells these.',
      metrics: [...(await ownMetrics()), ...gauges(collectorsOf(NONE))],
    },
    {
      title: 'Read models and sales',
      remark: `A process with the role \`projector\` tells these. Orders and revenue come from the read models, so every projector tells the
same: take the highest, not the sum.`,
      metrics: added({}, { projector: absent() }),
    },
    {
      title: 'Handlers',
      remark: 'A process with the role `handlers` tells these.',
      metrics: added({}, { bus }),
    },
    {
      title: 'Handlers on NATS',
      remark: 'A process with the role `handlers` tells these with `NATS_URL`.',
      metrics: added({ bus }, { bus: { ...bus, broker: absent() } }),
    },
    {
      title: 'The relay to NATS',
      remark: 'A process with the role `relay` tells these with `NATS_URL`.',
      metrics: added({}, { relay: absent() }),
    },
    {
      title: 'Redis',
      remark: 'Every process tells these with `REDIS_URL`.',
      metrics: added({}, { redis: absent() }),
    },
    {
      title: 'Workers',
      remark: 'With `WORKERS` above 1.',
      metrics: gauges([WORKERS]),
    },
  ];
}

/** `docs/reference/metrics.md`. */
export async function metricsPage(): Promise<string> {
  return page('Metrics', 'the metrics that the code registers', [
    INTRODUCTION,
    ...(await sections()).flatMap(({ title, remark, metrics }) => [`## ${title}`, remark, rows(metrics)]),
    DEFAULTS_HEADING,
    defaultsSection(),
  ]);
}
