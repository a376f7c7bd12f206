import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { expect } from 'chai';
import { pino } from 'pino';
import { createLogger, lineWriter, type Logger } from '../../src/platform/log.ts';

const CANARY = 'canary-71ab';

describe('the log', () => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'cartulary-log-'));
  after(() => rmSync(folder, { recursive: true, force: true }));
  let number = 0;

  const logged = async (level: string, write: (log: Logger) => void): Promise<string> => {
    const file = path.join(folder, String((number += 1)));
    const log = createLogger(level, file);
    write(log);
    await new Promise<void>((resolve, reject) => log.flush((error) => (error ? reject(error) : resolve())));
    return readFileSync(file, 'utf8');
  };

  it('hides what names a secret, as deep as we log', async () => {
    const text = await logged('info', (log) => {
      log.info({ password: CANARY, token: CANARY, refresh_token: CANARY, jwtSecret: CANARY });
      log.info({ body: { password: CANARY, email: 'kept@shop.example' } });
      log.info({ req: { headers: { authorization: CANARY, cookie: CANARY, 'set-cookie': CANARY } } });
    });
    expect(text).not.to.contain(CANARY);
    expect(text).to.contain('[hidden]').and.contain('kept@shop.example');
  });

  it('removes addresses and phone numbers from errors, wherever an error holds them', async () => {
    const text = await logged('info', (log) => {
      const cause = new Error('RCPT TO:<ada@example.org> +49 151 12345678');
      const error = Object.assign(new Error('550 <ada@example.org>', { cause }), { rejected: ['ada@example.org'] });
      log.error({ err: error, order: 7 }, 'not sent');
    });
    expect(text).not.to.match(/ada@example|12345678/);
    expect(text).to.contain('550 <[removed]>').and.contain('"order":7');
  });

  it('is one JSON object a line, with a time that everybody reads alike', async () => {
    const [line = ''] = (await logged('info', (log) => log.info({ order: 7 }, 'paid'))).split('\n');
    const entry = JSON.parse(line) as Record<string, unknown>;
    expect(entry).to.include({ level: 'info', order: 7, msg: 'paid' });
    expect(entry['time']).to.match(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
  });

  it('says nothing below its level', async () => {
    expect(await logged('warn', (log) => log.info('quiet'))).to.equal('');
  });

  it('writes ready lines like its own, with the fields of a child, at the same level', async () => {
    const lines = async (level: string): Promise<Record<string, unknown>[]> => {
      const text = await logged(level, (log) => {
        const child = log.child({ worker: 3, name: 'a "b"' });
        child.info({ status: 200, route: '/x' }, 'request');
        lineWriter(child)('"status":200,"route":"/x"', 'request');
        log.info({ ms: 1.5 }, 'request');
        lineWriter(log)('"ms":1.5', 'request');
      });
      return text
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => ({ ...(JSON.parse(line) as object), time: 'now' }));
    };
    const [child, childReady, own, ready, ...more] = await lines('info');
    expect(childReady).to.deep.equal(child);
    expect(childReady).to.include({ status: 200, worker: 3, name: 'a "b"' });
    expect(ready).to.deep.equal(own);
    expect(more).to.be.empty;
    expect(await lines('warn')).to.be.empty;
  });

  it('takes ready lines for a logger with another destination', () => {
    const lines: string[] = [];
    const log = pino({ level: 'info' }, { write: (line: string) => void lines.push(line) });
    lineWriter(log)('"status":200', 'request');
    expect(JSON.parse(lines[0] ?? '')).to.include({ status: 200, msg: 'request' });
  });
});
