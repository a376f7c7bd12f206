import { randomUUID } from 'node:crypto';
import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import { expect } from 'chai';
import pino, { type Logger } from 'pino';
import { authenticateBy } from '../../../src/http/auth/authenticate.ts';
import { createSecurityLog, logKeysInUse } from '../../../src/http/auth/securityLog.ts';
import { signingKeysOf } from '../../../src/http/auth/signingKeys.ts';
import { createTokens, createVerifier } from '../../../src/http/auth/tokens.ts';
import type { Json } from '../../support/shop.ts';

const NEW = 'the secret that signs now is long enough';
const OLD = 'the secret before this one is long enough too';
const MASTER_KEY = Buffer.alloc(32, 3);
const TTL = { accessTtlMs: 60_000, refreshTtlMs: 600_000 };

describe('the use of keys in the log', () => {
  let lines: Json[];
  let logger: Logger;
  let security: ReturnType<typeof createSecurityLog>;
  beforeEach(() => {
    lines = [];
    logger = pino({ level: 'info' }, { write: (line: string) => void lines.push(JSON.parse(line)) });
    security = createSecurityLog({ logger, masterKey: MASTER_KEY, addressOf: () => '192.0.2.7' });
  });
  const marks = signingKeysOf(`${NEW},${OLD}`).map(({ mark }) => mark);

  it('tells at a start which keys sign and verify, by marks that do not reveal them', () => {
    logKeysInUse(logger, { jwtSecret: `${NEW},${OLD}`, master: 'abcd' });
    expect(lines).to.have.lengthOf(1);
    expect(lines[0]).to.deep.include({
      level: 30,
      security: 'keys in use',
      signs: marks[0],
      verify: [marks[1]],
      master: 'abcd',
    });
    expect(JSON.stringify(lines)).not.to.contain('secret that signs');
  });

  it('tells the use of an older key once, with the address and the account, and of the first key nothing', () => {
    const verify = createVerifier({ secret: `${NEW},${OLD}`, isRevoked: () => false });
    const authenticate = authenticateBy(verify, (use) => security.olderKey(use));
    const user = randomUUID();
    const call = (secret: string): void => {
      const claims = { userId: user, role: 'buyer', sessionId: randomUUID(), revision: 0n } as const;
      const { token } = createTokens({ secret, ...TTL }).issue(claims);
      const req = new IncomingMessage(new Socket());
      req.headers.authorization = `Bearer ${token}`;
      authenticate(req);
    };
    call(NEW);
    expect(lines).to.deep.equal([]);
    for (let turn = 0; turn < 3; turn += 1) call(OLD);
    expect(lines).to.have.lengthOf(1);
    expect(lines[0]).to.deep.include({
      ...{ security: 'use of an older key', key: marks[1], user, address: '192.0.2.7' },
    });
  });
});
