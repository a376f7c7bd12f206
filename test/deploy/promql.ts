import { parser } from '@prometheus-io/lezer-promql';

export interface Expression {
  /** The parts that Prometheus could not parse. */
  readonly faults: readonly string[];
  readonly metrics: readonly { readonly name: string; readonly labels: readonly string[] }[];
  /** Labels that results are grouped by. */
  readonly grouping: readonly string[];
}

/** Replaces the variables that Grafana fills in. */
const filledIn = (text: string): string => text.replaceAll('$__rate_interval', '1m').replaceAll('$instance', 'x');

/** Parses an expression by the grammar of Prometheus's own editor. */
export function expressionOf(source: string): Expression {
  const text = filledIn(source);
  const faults: string[] = [];
  const metrics: { name: string; labels: string[] }[] = [];
  const grouping: string[] = [];
  parser.parse(text).iterate({
    enter: ({ type, from, to, node }) => {
      const found = text.slice(from, to);
      if (type.isError) faults.push(`at ${from}: ${text.slice(Math.max(0, from - 10), to + 10)}`);
      if (type.name === 'VectorSelector') {
        const name = node.getChild('Identifier');
        metrics.push({ name: name === null ? '' : text.slice(name.from, name.to), labels: [] });
      }
      if (type.name !== 'LabelName') return;
      if (node.parent?.name === 'GroupingLabels') grouping.push(found);
      else metrics.at(-1)?.labels.push(found);
    },
  });
  return { faults, metrics, grouping };
}

/** The labels of a metric in the text of `/metrics`. */
export interface Known {
  readonly labels: ReadonlySet<string>;
}

/** Every metric name that expressions may use, with its labels, from the text of `/metrics`. */
export function metricsOf(text: string): Map<string, Known> {
  const known = new Map<string, { labels: Set<string> }>();
  const named = (name: string): { labels: Set<string> } => {
    const entry = known.get(name) ?? { labels: new Set() };
    known.set(name, entry);
    return entry;
  };
  for (const [, name = '', type] of text.matchAll(/^# TYPE (\S+) (\S+)$/gm)) {
    const names = type === 'histogram' ? ['_bucket', '_sum', '_count'].map((part) => name + part) : [name];
    names.forEach(named);
  }
  for (const [, name = '', labels = ''] of text.matchAll(/^([a-z_:][\w:]*)(?:\{(.*)\})? \S+$/gim)) {
    for (const [, label = ''] of labels.matchAll(/(\w+)="/g)) named(name).labels.add(label);
  }
  return known;
}
