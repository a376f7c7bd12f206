import { existsSync } from 'node:fs';
import path from 'node:path';
import { expect } from 'chai';
import { ROOT } from '../support/process.ts';
import { dockerfile, environmentFaults, imageEnvironment, read } from './files.ts';
import { HEAP_BOUNDS } from '../support/process.ts';
import { tryProbe } from './probes.ts';

const stages = dockerfile();
const image = stages.at(-1)!;
const only = (keyword: string): string => {
  const found = image.filter((instruction) => instruction.keyword === keyword);
  expect(found, `one ${keyword} in the image`).to.have.length(1);
  return found[0]!.rest;
};

/** The paths that stages copy from this folder. */
const copied = stages
  .flat()
  .filter(({ keyword, rest }) => keyword === 'COPY' && !rest.includes('--from='))
  .flatMap(({ rest }) => rest.split(/\s+/).slice(0, -1));

describe('the image', () => {
  it('is made of files that exist and that the builder is given', () => {
    const given = read('.dockerignore')
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#'));
    expect(given[0]).to.equal('*');
    expect(given.slice(1).map((line) => line.slice(1))).to.have.members([...new Set(copied)]);
    for (const file of copied) expect(existsSync(path.join(ROOT, file)), file).to.equal(true);
  });

  it('takes from stages that there are', () => {
    const names = stages.flatMap(([from]) => / AS (\S+)$/.exec(from?.rest ?? '')?.[1] ?? []);
    const used = image.flatMap(({ rest }) => /--from=(\S+)/.exec(rest)?.[1] ?? []);
    expect(used).to.have.members(names);
  });

  it('holds what runs needs, and neither the tools nor the embedded Postgres', () => {
    const installs = stages.flat().filter(({ rest }) => rest.includes('npm ci'));
    expect(installs.at(-1)!.rest).to.include('--omit=dev').and.not.to.include('--omit=optional');
    expect(image.some(({ rest }) => rest.includes('npm '))).to.equal(false);
    const { bin } = JSON.parse(read('bin/package.json')) as { bin: { cartulary: string } };
    expect(JSON.parse(only('ENTRYPOINT'))).to.deep.equal(['node', path.posix.join('bin', bin.cartulary)]);
    expect(JSON.parse(only('CMD'))).to.deep.equal(['serve']);
  });

  it('runs as an unprivileged user, is told its port, and is stopped by the signal that the shop hears', () => {
    expect(only('USER')).to.equal('node');
    expect(only('STOPSIGNAL')).to.equal('SIGTERM');
    const env = imageEnvironment();
    expect(environmentFaults(env)).to.deep.equal([]);
    expect(only('EXPOSE')).to.equal(env['PORT']);
    expect(env['HOST'], 'an address that can be reached from outside').to.equal('0.0.0.0');
    expect(env['NODE_OPTIONS']).to.match(/^--max-old-space-size=\d+ --max-semi-space-size=\d+$/);
    const secrets = stages.flat().filter(({ rest }) => /SECRET|PASSWORD|MASTER_KEY|TOKEN/.test(rest));
    expect(secrets, 'nothing secret is baked in').to.deep.equal([]);
  });

  it('bounds the young generation of the heap as npm start does, with which the tests and benches run', () => {
    const { scripts } = JSON.parse(read('package.json')) as { scripts: { start: string } };
    expect(scripts.start).to.include(`node ${HEAP_BOUNDS.join(' ')} `);
    expect(imageEnvironment()['NODE_OPTIONS']?.split(' ')[1]).to.equal(HEAP_BOUNDS[1]);
  });

  it('finds out by itself whether it lives', async () => {
    const [, command = ''] = /CMD\s+(\[.*\])$/.exec(only('HEALTHCHECK')) ?? [];
    const outcome = await tryProbe(JSON.parse(command) as string[]);
    expect(outcome).to.deep.equal({ paths: ['/livez'], healthy: 0, unready: 1, absent: 1 });
  });
});
