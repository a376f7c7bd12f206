import { createInterface } from 'node:readline';
import { Writable } from 'node:stream';

const PASSWORD_INPUT_BYTES_MAX = 4_096;

/** Asks on the terminal without showing what is typed. */
function ask(question: string): Promise<string> {
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  const lines = createInterface({ input: process.stdin, output: nowhere, terminal: true });
  process.stderr.write(question);
  return new Promise<string>((resolve, reject) => {
    lines.once('line', resolve);
    lines.once('SIGINT', () => reject(new Error('Cancelled.')));
    lines.once('close', () => reject(new Error('No password was given.')));
  }).finally(() => {
    lines.close();
    process.stderr.write('\n');
  });
}

async function askTwice(): Promise<string> {
  if (!process.stdin.isTTY) {
    throw new Error('There is no terminal to ask for the password on: pipe it in and give --password-stdin.');
  }
  const password = await ask('Password: ');
  if (password !== (await ask('Password again: '))) throw new Error('The two passwords differ.');
  return password;
}

async function fromStdin(): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of process.stdin as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > PASSWORD_INPUT_BYTES_MAX) throw new Error('The password that was piped in is too long.');
    chunks.push(chunk);
  }
  const password = Buffer.concat(chunks)
    .toString('utf8')
    .replace(/\r?\n$/, '');
  if (/[\r\n]/.test(password)) throw new Error('The password that was piped in has more than one line.');
  return password;
}

/** Reads a new password from the terminal (twice) or from stdin; never from the command line, where other users can read it. */
export async function readPassword(piped: boolean): Promise<string> {
  const password = await (piped ? fromStdin() : askTwice());
  if (password === '') throw new Error('The password is empty.');
  return password;
}
