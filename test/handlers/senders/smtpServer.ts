import { once } from 'node:events';
import net, { type AddressInfo } from 'node:net';

interface SmtpMail {
  readonly from: string;
  readonly to: readonly string[];
  readonly data: string;
}

/** The server's answer to a command. `HANG_UP` closes the connection; undefined is the usual answer. */
type SmtpManners = (command: string) => string | undefined;
export const HANG_UP = 'hang up';

export interface SmtpServer {
  readonly url: string;
  readonly mails: SmtpMail[];
  manners: SmtpManners;
  close(): Promise<void>;
}

/** A minimal mail server on a free port of the loopback address. */
export async function startSmtpServer(): Promise<SmtpServer> {
  const sockets = new Set<net.Socket>();
  const mails: SmtpMail[] = [];
  const server = net.createServer((socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => socket.destroy());
    converse(socket, mails, (command) => smtp.manners(command));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const smtp: SmtpServer = {
    url: `smtp://127.0.0.1:${(server.address() as AddressInfo).port}`,
    mails,
    manners: () => undefined,
    async close() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
  return smtp;
}

const ANSWERS: Readonly<Record<string, string>> = {
  EHLO: '250-mail.test\r\n250 8BITMIME',
  HELO: '250 mail.test',
  DATA: '354 go ahead',
  QUIT: '221 bye',
};

function converse(socket: net.Socket, mails: SmtpMail[], manners: SmtpManners): void {
  let from = '';
  let to: string[] = [];
  let data: string | undefined;
  let rest = '';

  const answer = (command: string, usual: string): boolean => {
    const said = manners(command) ?? usual;
    if (said === HANG_UP) socket.destroy();
    else socket.write(`${said}\r\n`);
    return /^[23]/.test(said);
  };
  const onLine = (line: string): void => {
    if (data !== undefined) {
      if (line !== '.') {
        data += `${line}\n`;
        return;
      }
      if (answer('END', '250 taken')) mails.push({ from, to, data });
      data = undefined;
      to = [];
      return;
    }
    const [verb = ''] = line.split(' ');
    const address = /<(.*)>/.exec(line)?.[1] ?? '';
    if (line.startsWith('MAIL')) from = address;
    if (answer(verb, ANSWERS[verb] ?? '250 ok')) {
      if (verb === 'RCPT') to.push(address);
      if (verb === 'DATA') data = '';
    }
  };
  socket.setEncoding('utf8');
  socket.on('data', (chunk: string) => {
    const lines = (rest + chunk).split('\r\n');
    rest = lines.pop() ?? '';
    for (const line of lines) onLine(line);
  });
  answer('GREETING', '220 mail.test');
}
