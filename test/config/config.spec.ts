import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseEnv } from 'node:util';
import { expect } from 'chai';
import { ConfigError, environment, loadConfig, type Environment } from '../../src/config/config.ts';
import { weakSettings } from '../../src/config/weak.ts';
import { SETTINGS } from '../../src/config/settings.ts';
import { ODD_TEXTS } from '../support/oddNumbers.ts';

const EXAMPLE = path.resolve(import.meta.dirname, '../../.env.example');
const KEY = Buffer.alloc(32, 7);

const problemsOf = (env: Environment): Record<string, string> => {
  try {
    loadConfig(env);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return Object.fromEntries(error.problems.map(({ name, reason }) => [name, reason]));
  }
  return {};
};

describe('settings', () => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'cartulary-config-'));
  after(() => rmSync(folder, { recursive: true, force: true }));

  it('need none to be set', () => {
    const config = loadConfig({});
    expect(config.http).to.include({ host: '127.0.0.1', port: 8080, trustProxy: 0, requestTimeoutMs: 30_000 });
    expect(config.rateLimits).to.deep.equal({
      public: 60,
      auth: 120,
      address: 1_200,
      login: 10,
      register: 10,
      refresh: 30,
    });
    expect(config.auth).to.include({ accessTtlMs: 900_000, refreshTtlMs: 604_800_000, masterKey: undefined });
    expect(config.payment).to.deep.equal({ methodDefault: 'sandbox', deadlineMs: 900_000, sandboxDelayMs: 200 });
    expect(config.database.url).to.equal(undefined);
    expect(config.dataDir).to.equal(path.resolve('.data'));
  });

  it('are the same object for everybody: nothing in it can be changed', () => {
    const config = loadConfig({ TRUST_PROXY: '10.0.0.0/8', MASTER_KEY: KEY.toString('hex') });
    expect(() => ((config.http as { port: number }).port = 1)).to.throw(TypeError);
    expect(() => (config.http.trustProxy as string[]).push('::1')).to.throw(TypeError);
    expect(() => ((config as { admin: unknown }).admin = {})).to.throw(TypeError);
  });

  it('report everything that is wrong at once, by name and reason', () => {
    const problems = problemsOf({
      PORT: '65536',
      JWT_SECRET: 'short',
      MASTER_KEY: 'not a key',
      RATE_LIMIT_LOGIN: '-1',
      PAYMENT_DEADLINE: '15',
      CURRENCY: 'usd',
      TRUST_PROXY: 'everybody',
      CORS_ORIGINS: '*',
      DATABASE_URL: 'mysql://localhost/shop',
      LOG_LEVEL: 'loud',
      ADMIN_EMAIL: 'admin@shop.example',
    });
    expect(problems).to.deep.equal({
      PORT: 'must be a whole number from 0 to 65535',
      JWT_SECRET: 'must be at least 32 bytes long',
      MASTER_KEY: 'must be 32 bytes as base64 or hex (openssl rand -base64 32)',
      RATE_LIMIT_LOGIN: 'must be a whole number from 0 to 1000000',
      PAYMENT_DEADLINE: 'must be a duration with its unit, such as 200ms, 30s, 15m, 168h or 7d',
      CURRENCY: 'must be an ISO 4217 currency code, such as USD or EUR',
      TRUST_PROXY: 'must be a number of proxies (0 to 32) or a list of their addresses, such as 10.0.0.0/8',
      CORS_ORIGINS: 'must be a list of origins such as https://shop.example, without paths (not: *)',
      DATABASE_URL: 'must be a URL that starts with postgres:// or postgresql://',
      LOG_LEVEL: 'must be one of silent, fatal, error, warn, info, debug, trace',
      ADMIN_PASSWORD: 'is missing: ADMIN_EMAIL is set',
    });
  });

  it('never repeat a secret that is wrong', () => {
    const canary = 'canary-5f2c';
    const secrets = Object.entries(SETTINGS).filter(([, { secret }]) => secret);
    expect(secrets.length).to.be.greaterThan(3);
    const env = Object.fromEntries(secrets.map(([name]) => [name, `\0${canary}`]));
    expect(() => loadConfig({ ...env, ADMIN_EMAIL: 'a@b' }))
      .to.throw(ConfigError)
      .with.property('message')
      .that.does.not.contain(canary);
  });

  const good: readonly [string, string, (config: ReturnType<typeof loadConfig>) => unknown, unknown][] = [
    ['PORT', '0', ({ http }) => http.port, 0],
    ['HOST', '::', ({ http }) => http.host, '::'],
    ['JWT_ACCESS_EXPIRY', '90s', ({ auth }) => auth.accessTtlMs, 90_000],
    ['JWT_REFRESH_EXPIRY', '7d', ({ auth }) => auth.refreshTtlMs, 604_800_000],
    ['PAYMENT_SANDBOX_DELAY', '0ms', ({ payment }) => payment.sandboxDelayMs, 0],
    ['MASTER_KEY', KEY.toString('base64'), ({ auth }) => auth.masterKey, KEY],
    ['MASTER_KEY', KEY.toString('hex'), ({ auth }) => auth.masterKey, KEY],
    ['MASTER_KEY', KEY.toString('base64url'), ({ auth }) => auth.masterKey, KEY],
    ['TRUST_PROXY', '2', ({ http }) => http.trustProxy, 2],
    [
      'TRUST_PROXY',
      'loopback, 10.0.0.0/8,::1/128',
      ({ http }) => http.trustProxy,
      ['loopback', '10.0.0.0/8', '::1/128'],
    ],
    [
      'CORS_ORIGINS',
      'https://Shop.example, http://localhost:3000',
      ({ http }) => http.corsOrigins,
      ['https://shop.example', 'http://localhost:3000'],
    ],
    ['PASSWORD_BLOCKLIST', 'off', ({ auth }) => auth.passwordBlocklist, false],
    ['RATE_LIMIT_PUBLIC', '0', ({ rateLimits }) => rateLimits.public, 0],
    ['PORT', '  9000 ', ({ http }) => http.port, 9000],
    ['PORT', '', ({ http }) => http.port, 8080],
    [
      'ROLES',
      ' deadlines,http, projector,handlers,http',
      ({ roles }) => roles,
      ['http', 'projector', 'handlers', 'deadlines'],
    ],
    ['PHONE_DEFAULT_COUNTRY', 'GB', ({ shop }) => shop.phoneDefaultCountry, 'GB'],
    ['PASSWORD_MIN_LENGTH', '6', ({ auth }) => auth.passwordMinLength, 6],
    ['FAILPOINT', 'checkout.reserved#2', ({ failpoint }) => failpoint, 'checkout.reserved#2'],
    ['FAILPOINT', '@/tmp/failpoint', ({ failpoint }) => failpoint, '@/tmp/failpoint'],
  ];
  for (const [name, value, read, wanted] of good) {
    it(`take ${name}=${JSON.stringify(value)}`, () =>
      expect(read(loadConfig({ [name]: value }))).to.deep.equal(wanted));
  }

  it('are remarked on when they let passwords be short', () => {
    const remarks = (length: string): string[] => weakSettings(loadConfig({ PASSWORD_MIN_LENGTH: length }));
    for (const length of ['8', '12']) expect(remarks(length)).to.deep.equal([]);
    for (const length of ['6', '7']) expect(remarks(length).join()).to.contain(`PASSWORD_MIN_LENGTH is ${length}`);
  });

  it('are remarked on when they demand links that nobody is mailed', () => {
    const remarks = (settings: Record<string, string>): string[] => weakSettings(loadConfig(settings));
    expect(remarks({ REQUIRE_VERIFIED_EMAIL: 'true' }).join()).to.contain('without SMTP_URL');
    expect(remarks({ REQUIRE_VERIFIED_EMAIL: 'true', SMTP_URL: 'smtp://localhost' })).to.deep.equal([]);
    expect(remarks({})).to.deep.equal([]);
  });

  const bad: readonly [string, string][] = [
    ['WORKERS', '0'],
    ['ROLES', 'http,proyector'],
    ['ROLES', ' , '],
    ['PORT', '80.5'],
    ['PORT', '0x50'],
    ['PORT', '1e3'],
    ['HOST', 'http://localhost'],
    ['JWT_ACCESS_EXPIRY', '0s'],
    ['JWT_ACCESS_EXPIRY', '15 m'],
    ['JWT_ACCESS_EXPIRY', '-1m'],
    ['PAYMENT_DEADLINE', '1000d'],
    ['MASTER_KEY', KEY.subarray(1).toString('base64')],
    ['MASTER_KEY', KEY.toString('hex').slice(2)],
    ['TRUST_PROXY', '10.0.0.0/33'],
    ['TRUST_PROXY', '::1/129'],
    ['TRUST_PROXY', '33'],
    ['TRUST_PROXY', 'true'],
    ['CORS_ORIGINS', 'https://shop.example/'],
    ['CORS_ORIGINS', 'shop.example'],
    ['CORS_ORIGINS', 'null'],
    ['BCRYPT_COST', '3'],
    ['BCRYPT_COST', '31'],
    ['PASSWORD_MIN_LENGTH', '5'],
    ['PHONE_DEFAULT_COUNTRY', 'gb'],
    ['PHONE_DEFAULT_COUNTRY', 'XX'],
    ['PASSWORD_BLOCKLIST', 'yes'],
    ['CURRENCY', 'XXZ'],
    ['SMTP_URL', 'http://mail.example'],
    ['MAIL_FROM', 'nobody'],
    ['MAIL_FROM', 'a\r\nBcc: b <c@d>'],
    ['NODE_ENV', 'staging'],
    ['FAILPOINT', 'a#0'],
    ['FAILPOINT', '@relative'],
    ['OTEL_EXPORTER_OTLP_ENDPOINT', 'collector:4318'],
    ['OTEL_EXPORTER_OTLP_HEADERS', 'authorization'],
    ['OTEL_EXPORTER_OTLP_HEADERS', 'a=%E0%A4'],
    ['OTEL_TRACES_SAMPLER_ARG', '1.5'],
    ['DATABASE_POOL_MAX', '1'],
  ];
  for (const [name, value] of bad) {
    it(`refuse ${name}=${JSON.stringify(value)}`, () => expect(problemsOf({ [name]: value })).to.have.all.keys(name));
  }

  it('refuse every odd number, in each setting that is a number or a duration', () => {
    const odd = ODD_TEXTS.filter((text) => !/^\d{0,15}$/.test(text.trim()));
    const numeric = Object.entries(SETTINGS).filter(([, { fallback }]) => /^\d+(?:ms|s|m|h|d)?$/.test(fallback ?? ''));
    expect(numeric.length).to.be.greaterThan(15);
    for (const [name, { fallback = '' }] of numeric) {
      const unit = fallback.replace(/^\d+/, '');
      for (const text of odd) {
        expect(problemsOf({ [name]: `${text}${unit}` }), `${name}=${text}${unit}`).to.have.all.keys(name);
      }
    }
  });

  it('refuse what contradicts itself', () => {
    expect(problemsOf({ ADMIN_PASSWORD: 'long enough' })).to.have.all.keys('ADMIN_EMAIL');
    expect(problemsOf({ ADMIN_EMAIL: 'a@b', ADMIN_PASSWORD: 'short' })).to.have.all.keys('ADMIN_PASSWORD');
    expect(problemsOf({ JWT_ACCESS_EXPIRY: '2h', JWT_REFRESH_EXPIRY: '1h' })).to.have.all.keys('JWT_ACCESS_EXPIRY');
    expect(problemsOf({ ROLES: 'http' })['ROLES']).to.contain('set DATABASE_URL');
    expect(problemsOf({ ROLES: 'http', DATABASE_URL: 'postgres://db/shop' })).to.deep.equal({});
    expect(problemsOf({ WORKERS: '2', ROLES: 'projector', DATABASE_URL: 'postgres://db/shop' })).to.have.all.keys(
      'WORKERS',
    );
    expect(problemsOf({ ROLES: 'relay', DATABASE_URL: 'postgres://db/shop' })['ROLES']).to.contain('NATS_URL');
    expect(problemsOf({ ROLES: 'relay', DATABASE_URL: 'postgres://db/shop', NATS_URL: 'nats://bus' })).to.deep.equal(
      {},
    );
    expect(problemsOf({ NODE_ENV: 'production', FAILPOINT: 'x' })).to.have.all.keys('FAILPOINT');
    expect(loadConfig({ ADMIN_EMAIL: 'a@b', ADMIN_PASSWORD: 'long enough' }).admin).to.deep.equal({
      email: 'a@b',
      password: 'long enough',
    });
  });

  it('takes a list of master keys, the first of which wraps', () => {
    const [one, other] = [Buffer.alloc(32, 1), Buffer.alloc(32, 2)];
    const { auth } = loadConfig({ MASTER_KEY: `${one.toString('base64')}, ${other.toString('hex')}` });
    expect(auth.masterKey).to.deep.equal(one);
    expect(auth.formerMasterKeys).to.deep.equal([other]);
    expect(loadConfig({ MASTER_KEY: one.toString('base64') }).auth.formerMasterKeys).to.deep.equal([]);
    const wrong = 'must be 32 bytes as base64 or hex (openssl rand -base64 32)';
    expect(problemsOf({ MASTER_KEY: `${one.toString('base64')},short` })).to.deep.equal({ MASTER_KEY: wrong });
    const nine = Array.from({ length: 9 }, () => one.toString('hex')).join(',');
    expect(problemsOf({ MASTER_KEY: nine })).to.deep.equal({ MASTER_KEY: 'must list at most 8 keys' });
  });

  it('takes a list of signing secrets, and refuses one with a secret that is too short', () => {
    const [one, other] = ['a'.repeat(32), 'b'.repeat(40)];
    expect(loadConfig({ JWT_SECRET: `${one},${other}` }).auth.jwtSecret).to.equal(`${one},${other}`);
    const short = 'must be one secret, or a list in which each is at least 32 bytes long';
    expect(problemsOf({ JWT_SECRET: `${one},short` })).to.deep.equal({ JWT_SECRET: short });
    expect(problemsOf({ JWT_SECRET: `${one},` })).to.deep.equal({ JWT_SECRET: short });
    const nine = Array.from({ length: 9 }, (_, index) => String(index).repeat(32)).join(',');
    expect(problemsOf({ JWT_SECRET: nine })).to.deep.equal({ JWT_SECRET: 'must list at most 8 secrets' });
    const phrase = 'one secret, with commas, and long enough';
    expect(loadConfig({ JWT_SECRET: phrase }).auth.jwtSecret).to.equal(phrase);
  });

  it('read a secret from the file that NAME_FILE names, and nothing else from a file', () => {
    const file = path.join(folder, 'secret');
    writeFileSync(file, `${'s'.repeat(40)}\n`);
    expect(loadConfig({ JWT_SECRET_FILE: file }).auth.jwtSecret).to.equal('s'.repeat(40));
    expect(loadConfig({ PORT_FILE: file }).http.port).to.equal(8080);
    expect(problemsOf({ JWT_SECRET_FILE: file, JWT_SECRET: 's'.repeat(40) })).to.deep.equal({
      JWT_SECRET: 'is set twice: leave out JWT_SECRET or JWT_SECRET_FILE',
    });
    expect(problemsOf({ MASTER_KEY_FILE: path.join(folder, 'none') })).to.deep.equal({
      MASTER_KEY: 'cannot be read from the file of MASTER_KEY_FILE (ENOENT)',
    });
    writeFileSync(file, '\n');
    expect(problemsOf({ JWT_SECRET_FILE: file })).to.deep.equal({
      JWT_SECRET: 'is empty in the file of JWT_SECRET_FILE',
    });
  });

  it('come from .env in the working directory where the environment itself says nothing', () => {
    writeFileSync(path.join(folder, '.env'), 'PORT=9999\nCARTULARY_TEST_PATH="a b"\nPATH=/nowhere\n');
    const env = environment(folder);
    expect(env).to.include({ PORT: '9999', CARTULARY_TEST_PATH: 'a b', PATH: process.env['PATH'] });
    expect(loadConfig(env).http.port).to.equal(9999);
    expect(environment(path.join(folder, 'no such folder'))).to.not.have.property('CARTULARY_TEST_PATH');
  });

  it('are each explained in .env.example, with their default, and no other is', () => {
    const documented = parseEnv(readFileSync(EXAMPLE, 'utf8'));
    const defaults = Object.fromEntries(Object.entries(SETTINGS).map(([name, { fallback }]) => [name, fallback ?? '']));
    expect(documented).to.deep.equal(defaults);
    expect(loadConfig(documented)).to.deep.equal(loadConfig({}));
  });
});
