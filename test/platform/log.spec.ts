import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { expect } from 'chai';
import { createLogger, type Logger } from '../../src/platform/log.ts';

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

  it('is one JSON object a line, with a time that everybody reads alike', async () => {
    const [line = ''] = (await logged('info', (log) => log.info({ order: 7 }, 'paid'))).split('\n');
    const entry = JSON.parse(line) as Record<string, unknown>;
    expect(entry).to.include({ level: 'info', order: 7, msg: 'paid' });
    expect(entry['time']).to.match(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
  });

  it('says nothing below its level', async () => {
    expect(await logged('warn', (log) => log.info('quiet'))).to.equal('');
  });
});
