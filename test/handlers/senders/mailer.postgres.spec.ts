import { expect } from 'chai';
import net from 'node:net';
import { pino } from 'pino';
import { createMailer, failureOf, type Sender } from '../../../src/handlers/senders/mailer.ts';
import { muteProxy } from '../../support/muteProxy.ts';
import { HANG_UP, startSmtpServer, type SmtpServer } from './smtpServer.ts';

/** Long enough for a crowded machine to greet. */
const SILENCE_MS = 1_500;
const log = pino({ level: 'silent' });
const mail = { id: '11111111-1111-5111-8111-111111111111', to: 'ada@example.com', subject: 'Grüße', text: 'Hello.\n' };

describe('mailer', function () {
  this.timeout(20_000);
  let server: SmtpServer;
  let mailer: Sender;
  beforeEach(async () => {
    server = await startSmtpServer();
    mailer = createMailer({ smtpUrl: server.url, from: 'Shop <shop@example.com>', log });
  });
  afterEach(() => server.close());

  const answering = (command: string, answer: string): void => {
    server.manners = (asked) => (asked === command ? answer : undefined);
  };

  it('sends to one person, under the same message id however often it is tried', async () => {
    expect(await mailer.send(mail)).to.deep.equal({ status: 'sent' });
    await mailer.send(mail);
    expect(server.mails).to.have.length(2);
    for (const { from, to, data } of server.mails) {
      expect(from).to.equal('shop@example.com');
      expect(to).to.deep.equal(['ada@example.com']);
      expect(data).to.contain(`Message-ID: <${mail.id}@cartulary>`);
      expect(data).to.contain('Hello.');
    }
  });

  it('keeps what it cannot send anywhere, and says so', async () => {
    const lines: string[] = [];
    const loud = pino({ level: 'info' }, { write: (line: string) => lines.push(line) });
    const keeper = createMailer({ smtpUrl: undefined, from: 'shop@example.com', log: loud });
    expect(await keeper.send(mail)).to.deep.equal({ status: 'kept' });
    expect(lines.join('')).to.contain('no mail server is configured');
  });

  it('refuses what is more or less than one address', async () => {
    const others = [
      'a@b.test, c@d.test',
      'a@b.test\r\nBcc: c@d.test',
      'Ada <a@b.test>',
      'nobody',
      '',
      `${'x'.repeat(300)}@b.test`,
    ];
    for (const to of others) {
      expect(await mailer.send({ ...mail, to }), to).to.have.property('status', 'refused');
    }
    expect(server.mails).to.deep.equal([]);
  });

  it('lets no subject add a header', async () => {
    await mailer.send({ ...mail, subject: 'Hi\r\nBcc: all@example.com' });
    const [head = ''] = server.mails[0]!.data.split('\n\n');
    expect(head.split('\n').some((line) => line.startsWith('Bcc'))).to.equal(false);
    expect(server.mails[0]!.to).to.deep.equal(['ada@example.com']);
  });

  it('may try again after a passing no, and not after a final one', async () => {
    answering('RCPT', '451 try later');
    expect(await mailer.send(mail)).to.have.property('status', 'failed');
    answering('RCPT', '550 no such mailbox');
    expect(await mailer.send(mail)).to.have.property('status', 'refused');
    answering('END', '452 disk full');
    expect(await mailer.send(mail)).to.have.property('status', 'failed');
    answering('END', '554 spam');
    expect(await mailer.send(mail)).to.have.property('status', 'refused');
    answering('GREETING', '421 too busy');
    expect(await mailer.send(mail)).to.have.property('status', 'failed');
  });

  it('may try again when no server answered', async () => {
    const gone = net.createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => gone.once('listening', resolve));
    const { port } = gone.address() as net.AddressInfo;
    await new Promise((resolve) => gone.close(resolve));
    const lonely = createMailer({ smtpUrl: `smtp://me:secret@127.0.0.1:${port}`, from: 'shop@example.com', log });
    const sending = await lonely.send(mail);
    expect(sending).to.have.property('status', 'failed');
    expect(JSON.stringify(sending)).not.to.contain('secret');
  });

  it('does not know whether a mail was sent when the connection breaks after it was handed over', async () => {
    answering('END', HANG_UP);
    expect(await mailer.send(mail)).to.have.property('status', 'unknown');
  });

  it('gives up a server that goes silent: before its greeting nothing was sent, after the mail was handed over it may be', async () => {
    const proxy = await muteProxy(server.url);
    try {
      const quick = createMailer({
        ...{ smtpUrl: proxy.url, from: 'shop@example.com', log },
        ...{ connectionTimeoutMs: SILENCE_MS, socketTimeoutMs: 2 * SILENCE_MS },
      });
      proxy.muteNext();
      expect(await quick.send(mail)).to.have.property('status', 'failed');
      server.manners = (asked) => {
        if (asked === 'END') proxy.mute();
        return undefined;
      };
      expect(await quick.send(mail)).to.have.property('status', 'unknown');
      expect(server.mails).to.have.length(1);
      server.manners = () => undefined;
      expect(await quick.send(mail)).to.have.property('status', 'sent');
    } finally {
      proxy.close();
    }
  });

  it('counts what it does not recognise as unknown: at most once comes first', () => {
    expect(failureOf(new Error('odd'))).to.deep.equal({ status: 'unknown', error: 'odd' });
    expect(
      failureOf(Object.assign(new Error('timeout'), { code: 'ETIMEDOUT', timeoutType: 'SOCKET_TIMEOUT' })),
    ).to.have.property('status', 'unknown');
    expect(
      failureOf(Object.assign(new Error('late'), { code: 'ETIMEDOUT', timeoutType: 'GREETING_TIMEOUT' })),
    ).to.have.property('status', 'failed');
  });
});
