import { createTransport } from 'nodemailer';
import type { Logger } from '../../platform/log.ts';
import { scrub } from '../../platform/scrub.ts';

export interface Mail {
  /** The same at every attempt to send this mail. */
  readonly id: string;
  readonly to: string;
  readonly subject: string;
  readonly text: string;
}

/** The outcome of one attempt to send; `error` is a text for people. */
export type Sending =
  | { readonly status: 'sent' }
  /** No server is configured: the message is stored, not sent. */
  | { readonly status: 'kept' }
  /** Certainly not sent; trying again may help. */
  | { readonly status: 'failed'; readonly error: string }
  /** Certainly not sent; trying again does not help. */
  | { readonly status: 'refused'; readonly error: string }
  /** No answer after the hand-over: it may have been sent. */
  | { readonly status: 'unknown'; readonly error: string };

/** A channel to reach people: mail, text message. */
export interface Sender {
  /** It sends nothing: what it is given is read from where it is stored. */
  readonly keeps?: true;
  send(mail: Mail): Promise<Sending>;
}

/** How long a server may take to accept a connection and to greet, each. */
const CONNECTION_TIMEOUT_MS = 8_000;
/** How long a server may say nothing before its connection is given up. */
const SOCKET_TIMEOUT_MS = 15_000;
const ADDRESS_CHARACTERS_MAX = 254;
/** One address and nothing else: no list, no name, no second header. */
const ADDRESS = /^[^\s@<>,;:"()[\]\\\p{Cc}]+@[^\s@<>,;:"()[\]\\\p{Cc}]+$/u;

/** The sender of a shop without a server for this channel: it sends nothing. */
export const keeper = (log: Logger, what: string): Sender => {
  log.info(`no ${what} server is configured: messages are rendered and kept, and sent to nobody`);
  return { keeps: true, send: () => Promise.resolve({ status: 'kept' }) };
};

interface MailerOptions {
  readonly smtpUrl: string | undefined;
  readonly from: string;
  readonly log: Logger;
  readonly connectionTimeoutMs?: number;
  readonly socketTimeoutMs?: number;
}

/** Sends over SMTP; without a URL it sends nothing, and logs that. */
export function createMailer(options: MailerOptions): Sender {
  if (options.smtpUrl === undefined) return keeper(options.log, 'mail');
  const { connectionTimeoutMs = CONNECTION_TIMEOUT_MS, socketTimeoutMs = SOCKET_TIMEOUT_MS } = options;
  const transport = createTransport({
    url: options.smtpUrl,
    connectionTimeout: connectionTimeoutMs,
    greetingTimeout: connectionTimeoutMs,
    socketTimeout: socketTimeoutMs,
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  return {
    async send({ id, to, subject, text }) {
      if (to.length > ADDRESS_CHARACTERS_MAX || !ADDRESS.test(to)) {
        return { status: 'refused', error: 'this is no address mail can be sent to' };
      }
      try {
        const messageId = `<${id}@cartulary>`;
        const mail = { from: options.from, to: { name: '', address: to }, subject, text, messageId };
        await transport.sendMail({ ...mail, disableFileAccess: true, disableUrlAccess: true });
        return { status: 'sent' };
      } catch (error) {
        return failureOf(error);
      }
    },
  };
}

/** The fields that nodemailer sets on its errors. */
interface SmtpError extends Error {
  readonly code?: string;
  /** The operating system's code of a socket error. */
  readonly originalCode?: string;
  readonly responseCode?: number;
  readonly command?: string;
  readonly timeoutType?: string;
}

const CODES_BEFORE_SENDING = new Set(['EDNS', 'ETLS', 'EAUTH', 'ENOAUTH', 'EPROXY', 'ECONFIG', 'ECONNREFUSED']);
const SYSTEM_CODES_BEFORE_SENDING = new Set(['ECONNREFUSED', 'EHOSTUNREACH', 'ENETUNREACH', 'ENOTFOUND', 'EAI_AGAIN']);
const TIMEOUTS_BEFORE_SENDING = new Set(['CONNECT_TIMEOUT', 'GREETING_TIMEOUT', 'UPGRADE_TIMEOUT']);

const beforeSending = ({ code = '', originalCode = '', timeoutType = '' }: SmtpError): boolean =>
  CODES_BEFORE_SENDING.has(code) ||
  SYSTEM_CODES_BEFORE_SENDING.has(originalCode) ||
  TIMEOUTS_BEFORE_SENDING.has(timeoutType);

const CREDENTIALS = /\/\/[^@/\s]*@/g;

/** An error counts as `unknown` unless it came before the hand-over or the server answered: no mail may be sent twice. */
export function failureOf(error: unknown): Sending {
  const failure = (error instanceof Error ? error : new Error(String(error))) as SmtpError;
  const told = scrub(failure.message.replace(CREDENTIALS, '//')).slice(0, 500);
  const { responseCode, code } = failure;
  if (beforeSending(failure)) return { status: 'failed', error: told };
  if (code === 'EENVELOPE' && responseCode === undefined) return { status: 'refused', error: told };
  if (responseCode === undefined) return { status: 'unknown', error: told };
  return { status: responseCode >= 500 ? 'refused' : 'failed', error: told };
}
