import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { expect } from 'chai';
import { ConfigError, environment, loadConfig, remarksOnSettings } from '../../src/config/config.ts';
import { SETTINGS } from '../../src/config/settings.ts';
import { nearest } from '../../src/errors.ts';
import { ROOT } from '../support/process.ts';

const names = Object.keys(SETTINGS);

describe('a setting that is not understood', () => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'cartulary-names-'));
  after(() => rmSync(folder, { recursive: true, force: true }));

  const refusedBy = (content: string | Buffer): string => {
    writeFileSync(path.join(folder, '.env'), content);
    try {
      environment(folder);
      return '';
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      return error.message;
    }
  };

  for (const [wrong, meant] of [
    ['CURENCY', 'CURRENCY'],
    ['currency', 'CURRENCY'],
    ['CARTULARY_CURRENCY', 'CURRENCY'],
    ['DATABSE_URL', 'DATABASE_URL'],
    ['DATABASEURL', 'DATABASE_URL'],
    ['MASTERKEY_FILE', 'MASTER_KEY_FILE'],
    ['RATE_LIMIT_LOGINS', 'RATE_LIMIT_LOGIN'],
    ['JWT_ACESS_EXPIRY', 'JWT_ACCESS_EXPIRY'],
    ['PROT', 'PORT'],
  ] as const) {
    it(`is refused in .env when it is a slip of a setting: ${wrong}`, () => {
      expect(refusedBy(`PORT=1\n${wrong}=x\n`)).to.contain(`${wrong} in .env is no setting: did you mean ${meant}?`);
    });
    it(`is remarked on in the environment, which other programs share: ${wrong}`, () => {
      rmSync(path.join(folder, '.env'), { force: true });
      const [remark] = remarksOnSettings(folder, { [wrong]: 'x' });
      expect(remark).to.equal(`${wrong} is no setting: did you mean ${meant}?`);
    });
  }

  it('is found for a letter left out, added, exchanged or swapped, in the name of any setting', () => {
    for (const name of names) {
      const at = Math.floor(name.length / 2);
      const slips = [
        name.slice(0, at) + name.slice(at + 1),
        `${name.slice(0, at)}X${name.slice(at)}`,
        `${name.slice(0, at)}X${name.slice(at + 1)}`,
        name.replaceAll('_', '-').toLowerCase(),
      ];
      for (const slip of slips.filter((one) => !names.includes(one))) {
        expect(nearest(slip, names), slip).to.be.a('string');
      }
    }
  });

  it('in .env is refused where it is a file for what is no secret', () => {
    expect(refusedBy('PORT_FILE=/run/port\n')).to.contain('PORT is no secret, and is not read from a file');
    expect(refusedBy('MASTER_KEY_FILE=/run/key\n')).to.equal('');
  });

  it('in .env is remarked on when it is like no setting, or set twice, or empty', () => {
    writeFileSync(path.join(folder, '.env'), 'COLOUR=red\nPORT=1\nPORT=2\nCURRENCY=\nDATABASE_URL=\n');
    expect(environment(folder)).to.include({ COLOUR: 'red', PORT: '2' });
    expect(remarksOnSettings(folder, {})).to.deep.equal([
      'COLOUR in .env is no setting, and is ignored',
      'CURRENCY is empty, which counts as not set: its default USD is used',
      'PORT is set more than once in .env: only the last value counts',
    ]);
  });

  it('is refused where a line of .env sets nothing', () => {
    for (const line of ['PORT 8080', 'PORT: 8080', '= 8080']) {
      expect(refusedBy(`# a remark\n\nHOST=::\n${line}\n`), line).to.contain('.env line 4 sets nothing');
    }
    expect(refusedBy('MAIL_FROM="a\nb c\n" # why\nexport PORT=1\n  # indented\n')).to.equal('');
  });

  it('is read from .env with any line ends and a byte order mark, and refused in another encoding', () => {
    for (const content of ['\ufeffPORT=9\nCURRENCY=EUR\n', 'PORT=9\r\nCURRENCY=EUR\r\n', 'PORT=9\rCURRENCY=EUR\r']) {
      writeFileSync(path.join(folder, '.env'), content);
      expect(environment(folder), JSON.stringify(content)).to.include({ PORT: '9', CURRENCY: 'EUR' });
    }
    expect(refusedBy(Buffer.from('PORT=9\n', 'utf16le'))).to.contain('is not UTF-8');
    expect(refusedBy(Buffer.from('\ufeffPORT=9\n', 'utf16le'))).to.contain('is not UTF-8');
  });

  it('is not found in .env.example, nor in what the compose files read', () => {
    const example = readFileSync(path.join(ROOT, '.env.example'), 'utf8');
    expect(refusedBy(example)).to.equal('');
    expect(remarksOnSettings(folder, {})).to.deep.equal([]);
    const ofCompose = ['docker-compose.yml', 'docker-compose.cluster.yml'].flatMap((file) =>
      [...readFileSync(path.join(ROOT, file), 'utf8').matchAll(/\$\{(\w+)/g)].map(([, name]) => `${name}=x`),
    );
    expect(refusedBy(ofCompose.join('\n'))).to.equal('');
    const remarks = remarksOnSettings(folder, {});
    expect(remarks.filter((remark) => remark.includes('no setting'))).to.deep.equal([]);
  });

  it('is not found in the environment of an ordinary machine', () => {
    rmSync(path.join(folder, '.env'), { force: true });
    const ordinary =
      'PATH HOME USER SHELL TERM LANG LC_ALL PWD OLDPWD SHLVL LOGNAME MAIL EDITOR TMPDIR HOSTNAME TZ CI NODE_OPTIONS DEBUG DISPLAY';
    const given = Object.fromEntries(ordinary.split(' ').map((name) => [name, 'x']));
    expect(remarksOnSettings(folder, given)).to.deep.equal([]);
  });

  it('does not change what the settings are', () => {
    expect(loadConfig({ CURENCY: 'EUR' }).shop.currency).to.equal('USD');
  });
});
