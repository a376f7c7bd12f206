import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { expect } from 'chai';
import { environment, loadConfig } from '../../src/config/config.ts';
import { SETTINGS } from '../../src/config/settings.ts';
import { ROOT } from '../support/process.ts';

const SECRET = 'a secret of thirty-two bytes and a few more';

describe('the mission: settings', () => {
  it('ENV-01, ENV-18: PORT or APP_PORT is the port', () => {
    expect(loadConfig({}).http.port).to.equal(8080);
    expect(loadConfig({ APP_PORT: '3000' }).http.port).to.equal(3000);
    expect(loadConfig({ PORT: '8081', APP_PORT: '3000' }).http.port).to.equal(8081);
  });

  it('ENV-02: APP_ENV or ENV says whether the shop is in production', () => {
    const secrets = {
      DATABASE_URL: 'postgres://db/shop',
      JWT_SECRET: SECRET,
      MASTER_KEY: Buffer.alloc(32).toString('base64'),
    };
    const isProduction = (env: Record<string, string>): boolean => loadConfig({ ...secrets, ...env }).production;
    expect([{}, { APP_ENV: 'development' }, { ENV: '/root/.shrc' }].map(isProduction)).to.deep.equal([
      false,
      false,
      false,
    ]);
    expect([{ APP_ENV: 'production' }, { ENV: 'docker' }].map(isProduction)).to.deep.equal([true, true]);
    expect(isProduction({ NODE_ENV: 'development', APP_ENV: 'production' })).to.equal(false);
  });

  it('ENV-03: APP_REQUEST_TIMEOUT bounds a request, 30 seconds by default', () => {
    expect(loadConfig({}).http.requestTimeoutMs).to.equal(30_000);
    expect(loadConfig({ APP_REQUEST_TIMEOUT: '5s' }).http.requestTimeoutMs).to.equal(5_000);
  });

  it('ENV-04, ENV-05, ENV-06, ENV-07: the database is named by one URL, or part by part', () => {
    const urlOf = (env: Record<string, string>): string | undefined => loadConfig(env).database.url;
    expect(urlOf({ DB_URL: 'postgres://db/shop' })).to.equal('postgres://db/shop');
    const parts = { DB_HOST: 'db', DB_PORT: '5433', DB_USER: 'shop', DB_PASSWORD: 'p@ss/word', DB_NAME: 'orders' };
    expect(urlOf(parts)).to.equal('postgres://shop:p%40ss%2Fword@db:5433/orders');
    expect(urlOf({ ...parts, DB_SSLMODE: 'require' })).to.match(/\?sslmode=require$/);
    expect(urlOf({ ...parts, DATABASE_URL: 'postgres://other/shop' })).to.equal('postgres://other/shop');
    expect(urlOf({ DB_PORT: '5433' })).to.equal(undefined);
    expect(() => urlOf({ DB_URL: 'mysql://db/shop' })).to.throw(/DATABASE_URL/);
  });

  it('ENV-08: REDIS_HOST, REDIS_PORT and REDIS_PASSWORD name the Redis, as REDIS_URL does', () => {
    const urlOf = (env: Record<string, string>): string | undefined => loadConfig(env).redisUrl;
    const parts = { REDIS_HOST: 'cache', REDIS_PORT: '6380', REDIS_PASSWORD: 'secret' };
    expect(urlOf(parts)).to.equal('redis://:secret@cache:6380');
    expect(urlOf({ REDIS_HOST: 'cache' })).to.equal('redis://cache');
  });

  it('ENV-09, ENV-10, ENV-16, ENV-17: one NATS_URL stands for the brokers and ports between services', () => {
    expect(loadConfig({ NATS_URL: 'nats://bus:4222' }).natsUrls).to.deep.equal(['nats://bus:4222']);
  });

  it('ENV-11, ENV-12, ENV-13: JWT_SECRET signs, and the lifetimes of both tokens can be set', () => {
    const { auth } = loadConfig({ JWT_ACCESS_EXPIRY: '1h', JWT_REFRESH_EXPIRY: '24h', JWT_SECRET: SECRET });
    expect([auth.accessTtlMs, auth.refreshTtlMs]).to.deep.equal([3_600_000, 86_400_000]);
    expect(() => loadConfig({ JWT_SECRET: 'short' })).to.throw(/JWT_SECRET/);
  });

  it('ENV-19: LOG_LEVEL says how much is logged, info by default', () => {
    expect([loadConfig({}).logLevel, loadConfig({ LOG_LEVEL: 'debug' }).logLevel]).to.deep.equal(['info', 'debug']);
  });

  it('ENV-21: SMTP_PASSWORD, with SMTP_HOST and SMTP_USER, names the mail server, as SMTP_URL does', () => {
    const parts = { SMTP_HOST: 'mail', SMTP_PORT: '587', SMTP_USER: 'shop@example.com', SMTP_PASSWORD: 'secret' };
    expect(loadConfig(parts).mail.smtpUrl).to.equal('smtp://shop%40example.com:secret@mail:587');
  });

  it('ENV-22: settings come from a file, and the environment overrides them', () => {
    const folder = mkdtempSync(path.join(os.tmpdir(), 'cartulary-settings-'));
    try {
      writeFileSync(path.join(folder, '.env'), 'APP_PORT=3000\nLOG_LEVEL=warn\n');
      const { http, logLevel } = loadConfig(environment(folder));
      expect([http.port, logLevel]).to.deep.equal([3000, 'warn']);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('ENV-23: .env.example explains every setting', () => {
    const text = readFileSync(path.join(ROOT, '.env.example'), 'utf8');
    expect(Object.keys(SETTINGS).filter((name) => !text.includes(`${name}=`))).to.deep.equal([]);
    expect(existsSync(path.join(ROOT, '.env'))).to.equal(false);
  });
});
