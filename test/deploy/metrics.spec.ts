import { expect } from 'chai';
import { eventually } from '../support/eventually.ts';
import { freshDatabase, type TestDatabase } from '../support/database.ts';
import { serveShop } from '../support/shop.ts';
import { read, yamlOf, type Tree } from './files.ts';
import { expressionOf, metricsOf, type Known } from './promql.ts';

const RULES = 'deploy/prometheus/cartulary.rules.yml';
const SCRAPING = 'deploy/prometheus/prometheus.yml';
const DASHBOARD = 'deploy/grafana/cartulary.json';
const DURATION = /^\d+[smhd]$/;
/** The labels that Prometheus sets at each scrape. */
const TARGET_LABELS = ['job', 'instance'];

const rules: Tree[] = yamlOf(read(RULES), RULES).groups.flatMap(({ rules: of }: Tree) => of);
const scraping = yamlOf(read(SCRAPING), SCRAPING);
const dashboard: Tree = JSON.parse(read(DASHBOARD));
const panels: Tree[] = dashboard.panels;

/** Every expression of the rules and the dashboard, with its place. */
const expressions = [
  ...rules.map(({ record, alert, expr }): [string, string] => [`rule ${record ?? alert}`, expr]),
  ...panels.flatMap(({ title, targets }) =>
    (targets as Tree[]).map(({ expr }): [string, string] => [`panel ${title}`, expr]),
  ),
];

describe('rules and dashboard', () => {
  let database: TestDatabase;
  let shop: Awaited<ReturnType<typeof serveShop>>;
  let text = '';
  let known: Map<string, Known>;

  before(async function () {
    this.timeout(120_000);
    database = await freshDatabase();
    shop = await serveShop(database.url);
    const { people } = shop;
    const seller = await people.seller();
    const product = await people.product(seller, await people.category());
    const buyer = await people.buyer();
    const { data } = await buyer.call('POST', '/orders', {
      items: [{ product_id: product, quantity: 2 }],
      shipping_address: '1 Abbey Road, London',
    });
    await people.untilOrder(buyer, data.id, 'paid', 30_000);
    await eventually(
      'the payment is in the read models',
      async () => (await buyer.call('GET', `/orders/${data.id}/payments`)).text.includes('captured') || undefined,
      30_000,
    );
    text = await (await fetch(`${shop.url}/metrics`)).text();
    known = metricsOf(text);
    for (const { record, expr } of rules.filter((rule) => rule.record !== undefined)) {
      known.set(record, { labels: new Set(expressionOf(expr).grouping) });
    }
    // No error has happened here. The counter of errors has the same labels as that of requests.
    known.set('http_errors_total', known.get('http_request_duration_seconds_count')!);
    known.set('up', { labels: new Set() });
  });
  after(async () => {
    await shop.stop();
    await database.drop();
  });

  it('ask in the language of Prometheus for what /metrics tells, by labels that it has', () => {
    expect(expressions).to.have.length.greaterThan(30);
    for (const [where, expression] of expressions) {
      const { faults, metrics } = expressionOf(expression);
      expect(faults, where).to.deep.equal([]);
      expect(metrics, where).to.not.deep.equal([]);
      for (const { name, labels } of metrics) {
        const metric = known.get(name);
        expect(metric, `${where}: ${name} is told by nobody`).to.not.equal(undefined);
        const unknown = labels.filter((label) => !metric!.labels.has(label) && !TARGET_LABELS.includes(label));
        expect(unknown, `${where}: labels of ${name}`).to.deep.equal([]);
      }
    }
  });

  it('group by labels that the metrics have', () => {
    for (const [where, expression] of expressions) {
      const { metrics, grouping } = expressionOf(expression);
      const labels = new Set([
        ...metrics.flatMap(({ name }) => [...(known.get(name)?.labels ?? [])]),
        ...TARGET_LABELS,
      ]);
      expect(
        grouping.filter((label) => !labels.has(label)),
        where,
      ).to.deep.equal([]);
    }
  });

  it('see what is wrong with an expression', () => {
    expect(expressionOf('sum(rate(x[5m])').faults).to.not.deep.equal([]);
    expect(expressionOf('sum by (a) (rate(x{b="c"}[5m])) / y')).to.deep.equal({
      faults: [],
      metrics: [
        { name: 'x', labels: ['b'] },
        { name: 'y', labels: [] },
      ],
      grouping: ['a'],
    });
    expect(metricsOf('# TYPE a histogram\na_count{b="c",d="e"} 1\n').get('a_count')).to.deep.equal({
      labels: new Set(['b', 'd']),
    });
  });

  it('show requests, errors, appends, lag, dead letters, cache hits, orders and revenue', () => {
    const shown = new Set(
      panels.flatMap(({ targets }) => targets.flatMap(({ expr }: Tree) => expressionOf(expr).metrics)),
    );
    const names = new Set([...shown].map((metric) => (metric as { name: string }).name));
    for (const name of [
      'http_request_duration_seconds_count',
      'http_errors_total',
      'cartulary_append_duration_seconds_bucket',
      'cartulary_projection_lag_events',
      'cartulary_consumer_lag_events',
      'cartulary_consumer_dead_letters',
      'cartulary_cache_hits',
      'cartulary_orders_placed',
      'cartulary_revenue_captured_minor_units',
    ]) {
      expect(names, name).to.include(name);
    }
  });

  it('count orders and money by currency', () => {
    expect(text).to.include('cartulary_orders_placed{currency="USD"} 1\n');
    expect(text).to.include('cartulary_revenue_captured_minor_units{currency="USD"} 2000\n');
    expect(text).to.include('cartulary_revenue_refunded_minor_units{currency="USD"} 0\n');
  });

  it('are written as Prometheus wants its rules', () => {
    const names = rules.map(({ record, alert }) => record ?? alert);
    expect(names).to.have.length(new Set(names).size);
    for (const rule of rules) {
      const fields = rule.record === undefined ? ['alert', 'annotations', 'expr', 'for', 'labels'] : ['expr', 'record'];
      expect(fields, rule.alert ?? rule.record).to.include.members(Object.keys(rule));
      if (rule.alert === undefined) continue;
      expect(rule.labels.severity).to.be.oneOf(['critical', 'warning']);
      expect(Object.keys(rule.annotations)).to.have.members(['summary', 'description']);
      if (rule.for !== undefined) expect(rule.for).to.match(DURATION);
    }
  });

  it('are where Prometheus and Grafana look for them, and ask the shop where it answers', () => {
    const mounts = (name: string): string[] => yamlOf(read('docker-compose.yml'), '').services[name].volumes;
    expect(mounts('prometheus')).to.include('./deploy/prometheus:/etc/prometheus:ro');
    expect(scraping.rule_files).to.deep.equal(['/etc/prometheus/cartulary.rules.yml']);
    const [job] = scraping.scrape_configs;
    expect([job.job_name, job.metrics_path]).to.deep.equal(['cartulary', '/metrics']);
    expect(job.static_configs).to.deep.equal([{ targets: ['app:9464'] }]);
    expect(yamlOf(read('docker-compose.yml'), '').services.app.environment.METRICS_PORT).to.equal('9464');
    const provider = yamlOf(read('deploy/grafana/provisioning/dashboards/cartulary.yml'), '').providers[0];
    expect(mounts('grafana')).to.include(`./${DASHBOARD}:${provider.options.path}/cartulary.json:ro`);
    const [source] = yamlOf(read('deploy/grafana/provisioning/datasources/prometheus.yml'), '').datasources;
    expect(source.url).to.equal('http://prometheus:9090');
  });

  it('have panels that do not overlap', () => {
    const cells = panels.flatMap(({ gridPos: { x, y, w, h } }) =>
      Array.from({ length: w * h }, (_, index) => `${x + (index % w)},${y + Math.floor(index / w)}`),
    );
    expect(cells).to.have.length(new Set(cells).size);
    expect(Math.max(...panels.map(({ gridPos: { x, w } }) => x + w))).to.be.at.most(24);
    expect(new Set(panels.map(({ id }) => id)).size).to.equal(panels.length);
  });

  it('find the pages that probes and scrapers ask for', async () => {
    for (const path of ['/livez', '/readyz', '/metrics'])
      expect((await fetch(shop.url + path)).status, path).to.equal(200);
  });
});
