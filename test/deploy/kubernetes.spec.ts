import { expect } from 'chai';
import { JWT_SECRET, MASTER_KEY } from '../support/shop.ts';
import { addressesOf, environmentFaults, imageEnvironment, read, type Tree, yamlOf } from './files.ts';
import { build } from './kustomize.ts';
import { typeFaults } from './manifestTypes.ts';

const OVERLAYS = 'deploy/kubernetes/overlays';
const ROLES = ['http', 'projector', 'relay', 'handlers', 'deadlines'];
/** The variables that the production overlay expects in a Secret which it does not create. */
const SECRETS: Readonly<Record<string, string>> = {
  DATABASE_URL: 'postgres://cartulary:secret@postgres.example.com:5432/cartulary',
  EVENTSTORE_URL: 'esdb+discover://shop:secret@eventstore.example.com:2113?tls=true',
  REDIS_URL: 'rediss://:secret@redis.example.com:6379',
  NATS_URL: 'tls://nats-1.example.com:4222,tls://nats-2.example.com:4222',
  SMTP_URL: 'smtp://shop:secret@mail.example.com:587',
  OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector.example.com:4318',
  JWT_SECRET,
  MASTER_KEY,
};

interface Validating {
  validate(): void;
}

/** The fault of an object's values by the schemas of the Kubernetes API; undefined for none. */
async function valueFault(object: Tree): Promise<string | undefined> {
  const models: Record<string, (new (data: Tree) => Validating) | undefined> = await import(
    `kubernetes-models/${object.apiVersion}`
  );
  const Model = models[object.kind];
  if (Model === undefined) return `there is no ${object.kind} in ${object.apiVersion}`;
  try {
    new Model(object).validate();
    return undefined;
  } catch (error) {
    return `${object.kind} ${object.metadata.name}: ${(error as Error).message}`;
  }
}

const podOf = (object: Tree): Tree => object.spec?.template;
const containerOf = (object: Tree): Tree => podOf(object).spec.containers[0];
const workloadsOf = (objects: readonly Tree[]): Tree[] => objects.filter((object) => podOf(object) !== undefined);
const isOurs = (object: Tree): boolean => /(^|\/)cartulary(:|$)/.test(containerOf(object).image);
const named = (objects: readonly Tree[], kind: string, name: string): Tree =>
  objects.find((object) => object.kind === kind && object.metadata.name === name);
const selects = (labels: Record<string, string>, object: Tree): boolean =>
  Object.entries(labels).every(([name, value]) => podOf(object).metadata.labels[name] === value);

/** The variables of a container, from all their sources. */
function environmentOf(objects: readonly Tree[], object: Tree): Record<string, string> {
  const container = containerOf(object);
  const env: Record<string, string> = { ...imageEnvironment() };
  for (const { configMapRef, secretRef } of container.envFrom ?? []) {
    if (configMapRef !== undefined) Object.assign(env, named(objects, 'ConfigMap', configMapRef.name).data);
    if (secretRef !== undefined) Object.assign(env, named(objects, 'Secret', secretRef.name)?.stringData ?? SECRETS);
  }
  for (const { name, value } of container.env ?? []) env[name] = value;
  return env;
}

const portsAllowed = (objects: readonly Tree[], direction: 'ingress' | 'egress', object: Tree): number[] =>
  objects
    .filter(({ kind, spec }) => kind === 'NetworkPolicy' && selects(spec.podSelector.matchLabels ?? {}, object))
    .flatMap(({ spec }) => (spec[direction] ?? []).flatMap((rule: Tree) => rule.ports.map(({ port }: Tree) => port)));

describe('the types of the Kubernetes API', () => {
  const base = build('deploy/kubernetes/base');

  it('are kept, in every overlay, to the last field', () => {
    const typo: Tree = structuredClone(named(base, 'Deployment', 'http'));
    containerOf(typo).livnessProbe = {};
    const objects = ['development', 'production'].flatMap((overlay) => build(`${OVERLAYS}/${overlay}`));
    const faults = typeFaults([...objects, typo]);
    expect(faults).to.have.length(1);
    expect(faults[0]).to.include('livnessProbe');
  }).timeout(120_000);
});

for (const overlay of ['development', 'production']) {
  describe(`deploy/kubernetes/overlays/${overlay}`, () => {
    const objects = build(`${OVERLAYS}/${overlay}`);
    const workloads = workloadsOf(objects);
    const ours = workloads.filter(isOurs);

    it('is valid, and names nothing twice', async () => {
      const faults = await Promise.all(objects.map(valueFault));
      expect(faults.filter((fault) => fault !== undefined)).to.deep.equal([]);
      const names = objects.map(({ kind, metadata }) => `${kind} ${metadata.name}`);
      expect(names).to.have.length(new Set(names).size);
    }).timeout(60_000);

    it('runs every role, and the migrations as a job', () => {
      const roles = ours.filter(({ kind }) => kind === 'Deployment').map((one) => environmentOf(objects, one)['ROLES']);
      expect(roles).to.have.members(ROLES);
      const job = named(objects, 'Job', 'migrate');
      expect(containerOf(job).args).to.deep.equal(['migrate', 'up']);
      expect(new Set(ours.map((one) => containerOf(one).image)).size, 'one image').to.equal(1);
    });

    it('gives each process settings that exist and that it accepts, from where there are some', () => {
      for (const object of ours) {
        for (const { configMapRef } of containerOf(object).envFrom) {
          if (configMapRef) expect(named(objects, 'ConfigMap', configMapRef.name)).to.not.equal(undefined);
        }
        expect(environmentFaults(environmentOf(objects, object)), object.metadata.name).to.deep.equal([]);
      }
    });

    it('lets each process reach only the hosts of its settings and DNS, and admits only expected callers', () => {
      for (const object of ours) {
        const out = portsAllowed(objects, 'egress', object);
        expect(out, 'names').to.include(53);
        const addresses = addressesOf(environmentOf(objects, object));
        expect(addresses).to.have.length.greaterThan(4);
        for (const { name, port } of addresses) expect(out, `${object.metadata.name}: ${name}`).to.include(port);
        const { ports = [] } = containerOf(object);
        const listening = ports.map(({ containerPort }: Tree) => containerPort);
        const into = portsAllowed(objects, 'ingress', object);
        const [port, metricsPort] = [imageEnvironment(), environmentOf(objects, object)].map((env, index) =>
          Number(env[index === 0 ? 'PORT' : 'METRICS_PORT']),
        );
        expect(listening).to.deep.equal(object.kind === 'Deployment' ? [port, metricsPort] : []);
        // Scrapers reach the port of the metrics alone. At the other port only the API is called; probes come from the node.
        const isApi = object.metadata.labels['app.kubernetes.io/component'] === 'http';
        if (object.kind === 'Deployment') expect(into).to.have.members(isApi ? [port, metricsPort] : [metricsPort]);
        const annotations = object.spec.template.metadata?.annotations ?? {};
        if (object.kind === 'Deployment') expect(annotations['prometheus.io/port']).to.equal(String(metricsPort));
      }
      const all = named(objects, 'NetworkPolicy', 'nothing');
      expect(all.spec.policyTypes).to.deep.equal(['Ingress', 'Egress']);
      expect(ours.every((object) => selects(all.spec.podSelector.matchLabels, object))).to.equal(true);
    });

    it('selects what there is to select', () => {
      for (const object of workloads.filter(({ kind }) => kind !== 'Job')) {
        expect(selects(object.spec.selector.matchLabels, object), object.metadata.name).to.equal(true);
        const others = workloads.filter((one) => one !== object && selects(object.spec.selector.matchLabels, one));
        expect(others, object.metadata.name).to.deep.equal([]);
      }
      for (const { metadata, spec } of objects.filter(({ kind }) => kind === 'PodDisruptionBudget')) {
        const chosen = workloads.filter((object) => selects(spec.selector.matchLabels, object));
        expect(chosen.map((object) => object.metadata.name)).to.deep.equal([metadata.name]);
      }
      for (const { spec } of objects.filter(({ kind }) => kind === 'HorizontalPodAutoscaler')) {
        const target = named(objects, spec.scaleTargetRef.kind, spec.scaleTargetRef.name);
        expect(target.spec.replicas, 'the autoscaler alone says how many').to.equal(undefined);
      }
    });

    it('leads services to ports that a container listens at', () => {
      for (const { metadata, spec } of objects.filter(({ kind }) => kind === 'Service')) {
        const [pod, ...more] = workloads.filter((object) => selects(spec.selector, object));
        expect(more, metadata.name).to.deep.equal([]);
        const names = containerOf(pod).ports.map(({ name }: Tree) => name);
        for (const { targetPort } of spec.ports) expect(names, metadata.name).to.include(targetPort);
      }
      for (const { spec } of objects.filter(({ kind }) => kind === 'Ingress')) {
        for (const { backend } of spec.rules.flatMap(({ http }: Tree) => http.paths)) {
          const service = named(objects, 'Service', backend.service.name);
          expect(service.spec.ports.map(({ name }: Tree) => name)).to.include(backend.service.port.name);
        }
      }
      for (const object of ours.filter(() => overlay === 'development')) {
        for (const { name, host, port } of addressesOf(environmentOf(objects, object))) {
          const service = named(objects, 'Service', host);
          expect(
            service?.spec.ports.map((one: Tree) => one.port),
            `${name} at ${host}`,
          ).to.include(port);
        }
      }
    });

    it('keeps pictures in one lasting place, for the processes that write, serve and remove them', () => {
      for (const role of ['http', 'deadlines']) {
        const object = named(objects, 'Deployment', role);
        const folder = environmentOf(objects, object)['UPLOAD_DIR'];
        const { name } = containerOf(object).volumeMounts.find(({ mountPath }: Tree) => mountPath === folder);
        const volume = podOf(object).spec.volumes.find((one: Tree) => one.name === name);
        const claim = named(objects, 'PersistentVolumeClaim', volume.persistentVolumeClaim.claimName);
        expect(claim.spec.accessModes, role).to.deep.equal([
          overlay === 'development' ? 'ReadWriteOnce' : 'ReadWriteMany',
        ]);
      }
    });

    it('asks each process whether it lives and whether it is ready', () => {
      for (const object of ours.filter(({ kind }) => kind === 'Deployment')) {
        const { livenessProbe, readinessProbe, startupProbe, ports } = containerOf(object);
        for (const [probe, path] of [
          [livenessProbe, '/livez'],
          [startupProbe, '/livez'],
          [readinessProbe, '/readyz'],
        ]) {
          expect(probe.httpGet).to.deep.equal({ path, port: ports[0].name });
        }
      }
    });

    it('gives no process rights, and each more memory than its heap may take', () => {
      for (const object of ours) {
        const { securityContext, resources } = containerOf(object);
        expect(podOf(object).spec.securityContext.runAsNonRoot).to.equal(true);
        expect(podOf(object).spec.automountServiceAccountToken).to.equal(false);
        expect(named(objects, 'ServiceAccount', podOf(object).spec.serviceAccountName)).to.not.equal(undefined);
        expect(securityContext).to.deep.equal({
          allowPrivilegeEscalation: false,
          readOnlyRootFilesystem: true,
          capabilities: { drop: ['ALL'] },
        });
        const heapMb = Number(/=(\d+)$/.exec(environmentOf(objects, object)['NODE_OPTIONS'] ?? '')?.[1]);
        const limitMb = Number(/^(\d+)Mi$/.exec(resources.limits.memory)?.[1]);
        expect(limitMb).to.be.at.least(heapMb + 96);
      }
    });
  });
}

describe('the files that exist twice', () => {
  it('are the same: the configuration of NATS', () => {
    expect(read(`${OVERLAYS}/development/nats.conf`)).to.equal(read('deploy/nats/nats.conf'));
  });

  it('name the same images for the same things', () => {
    const inCompose = ['docker-compose.yml', 'docker-compose.cluster.yml'].flatMap((file) =>
      Object.values<Tree>(yamlOf(read(file), file).services).map(({ image }) => image as string),
    );
    const inKubernetes = workloadsOf(build(`${OVERLAYS}/development`)).map(
      (object) => containerOf(object).image as string,
    );
    const tags = new Map<string, Set<string>>();
    for (const image of [...inCompose, ...inKubernetes]) {
      const [, name = '', tag = ''] = /^(.*?):([^/]*)$/.exec(image) ?? [];
      expect(tag, image).to.not.be.oneOf(['', 'latest']);
      if (name !== 'cartulary') tags.set(name, (tags.get(name) ?? new Set()).add(tag));
    }
    for (const [name, versions] of tags) expect([...versions], name).to.have.length(1);
  });

  it('keep the data of Postgres 18 where Postgres 18 puts them', () => {
    const postgres = named(build(`${OVERLAYS}/development`), 'StatefulSet', 'postgres');
    expect(containerOf(postgres).volumeMounts).to.deep.equal([{ name: 'data', mountPath: '/var/lib/postgresql' }]);
  });
});
