import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { expect } from 'chai';
import { loadConfig, type Environment } from '../../src/config/config.ts';
import { createLogger } from '../../src/platform/log.ts';
import { keepMissing, keepSecrets, readSecrets, secretsFile } from '../../src/platform/secrets.ts';

const JWT_SECRET = 'j'.repeat(32);
const MASTER_KEY = Buffer.alloc(32, 3);

describe('the secrets', () => {
  let dataDir: string;
  let warnings: string[];
  const log = createLogger('warn');
  log.warn = (...args: unknown[]) => warnings.push(String(args.at(-1)));
  const keep = (env: Environment) => keepSecrets(loadConfig({ DATA_DIR: dataDir, ...env }), log);

  beforeEach(() => {
    dataDir = mkdtempSync(path.join(os.tmpdir(), 'cartulary-secrets-'));
    warnings = [];
  });
  afterEach(() => rmSync(dataDir, { recursive: true, force: true }));

  it('are made once, kept for their owner alone, and said to be for development', async () => {
    const made = await keep({});
    expect(made.masterKey).to.have.length(32);
    expect(Buffer.byteLength(made.jwtSecret)).to.be.at.least(32);
    expect(warnings.join()).to.contain('which is meant for development only');
    expect(statSync(secretsFile(dataDir)).mode & 0o777).to.equal(0o600);
    warnings = [];
    expect(await keep({})).to.deep.equal(made);
    expect(warnings).to.deep.equal([]);
  });

  it('that are configured are used, and then nothing is kept', async () => {
    const secrets = await keep({ JWT_SECRET, MASTER_KEY: MASTER_KEY.toString('base64') });
    expect(secrets).to.deep.equal({ jwtSecret: JWT_SECRET, masterKey: MASTER_KEY });
    expect(() => readFileSync(secretsFile(dataDir))).to.throw('ENOENT');
  });

  it('are completed, not replaced, when one of them is configured', async () => {
    const made = await keep({});
    const { jwtSecret, masterKey } = await keep({ JWT_SECRET });
    expect(jwtSecret).to.equal(JWT_SECRET);
    expect(masterKey).to.deep.equal(made.masterKey);
  });

  it('are not made in production beside a database of its own', async () => {
    const env = { NODE_ENV: 'production', DATABASE_URL: 'postgres://db/shop' };
    const refused = async (more: Environment): Promise<unknown> =>
      keep({ ...env, ...more }).catch((error: unknown) => error);
    expect(await refused({}))
      .to.have.property('message')
      .that.contains('JWT_SECRET and MASTER_KEY must be set');
    expect(await refused({ JWT_SECRET }))
      .to.have.property('message')
      .that.contains('MASTER_KEY must be set');
    expect(await refused({ JWT_SECRET, MASTER_KEY: MASTER_KEY.toString('hex') })).to.have.property('jwtSecret');
    expect(() => readFileSync(secretsFile(dataDir))).to.throw('ENOENT');
  });

  it('are kept with a loud warning in development beside a database of its own', async () => {
    await keep({ DATABASE_URL: 'postgres://db/shop' });
    expect(warnings.join()).to.contain('personal data cannot be read');
  });

  it('are the same for all who ask for them at once', async () => {
    const answers = await Promise.all(Array.from({ length: 10 }, () => keepMissing(dataDir, ['jwtSecret'])));
    expect(new Set(answers.map(({ secrets }) => secrets.jwtSecret)).size).to.equal(1);
    expect(answers.filter(({ made }) => made.length > 0)).to.have.length(1);
  });

  it('that cannot be read are an error, never a reason to make new ones', async () => {
    writeFileSync(secretsFile(dataDir), '{');
    const failed = await keep({}).catch((error: unknown) => error);
    expect(failed).to.be.an('error').with.property('message').that.contains('restore it');
    expect(readFileSync(secretsFile(dataDir), 'utf8')).to.equal('{');
    chmodSync(secretsFile(dataDir), 0o600);
    expect(await readSecrets(path.join(dataDir, 'none'))).to.deep.equal({});
  });
});
