import { type DestinationStream, type Logger, pino, stdSerializers } from 'pino';
import { scrubAll } from './scrub.ts';

export type { Logger } from 'pino';

const FLUSH_INTERVAL_MS = 100;
const BUFFER_BYTES = 16_000;
const STDERR = 2;
/** Where a logger of `createLogger` keeps its stream, for its children too. */
const STREAM = Symbol('stream');

const SECRET_FIELDS = [
  'authorization',
  'cookie',
  'set-cookie',
  'password',
  'currentPassword',
  'newPassword',
  'current_password',
  'new_password',
  'token',
  'accessToken',
  'refreshToken',
  'access_token',
  'refresh_token',
  'jwtSecret',
  'masterKey',
  'smtpUrl',
];

/**
 * JSON lines on stderr, because stdout is for the output of commands. Lines are written in batches within 100 ms and flushed
 * at exit. Fields with secret names are hidden, down to three levels deep. Addresses and phone numbers in errors are removed.
 */
export function createLogger(level: string, destination: number | string = STDERR): Logger {
  const buffering = { sync: false, minLength: BUFFER_BYTES, periodicFlush: FLUSH_INTERVAL_MS };
  const stream = pino.destination({ dest: destination, ...buffering });
  const logger = pino(
    {
      level,
      base: null,
      timestamp: () => `,"time":"${timestamp()}"`,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { err: (error: Error) => scrubAll(stdSerializers.err(error)) },
      redact: {
        paths: SECRET_FIELDS.flatMap((field) => ['', '*.', '*.*.'].map((at) => bracketed(at, field))),
        censor: '[hidden]',
      },
    },
    stream,
  );
  return Object.assign(logger, { [STREAM]: stream });
}

const bracketed = (at: string, field: string): string =>
  /^\w+$/.test(field) ? `${at}${field}` : `${at.replace(/\.$/, '')}["${field}"]`;

/** The current time in ISO 8601, formatted at most once per millisecond. */
export function timestamp(): string {
  const ms = Date.now();
  if (ms !== stamp.ms) stamp = { ms, text: new Date(ms).toISOString() };
  return stamp.text;
}
let stamp = { ms: 0, text: '' };

/**
 * Writes info lines like those of `logger.info`, for a line that each request writes: a third of the time. The caller gives the
 * fields as JSON (`"status":200,"ms":1.5`), and answers for it that none is secret and all are escaped.
 */
export function lineWriter(logger: Logger): (fields: string, message: string) => void {
  const stream = (logger as { [STREAM]?: DestinationStream })[STREAM];
  if (stream === undefined) {
    return (fields, message) => logger.info(JSON.parse(`{${fields}}`) as object, message);
  }
  const bindings = Object.entries(logger.bindings())
    .map(([name, value]) => `,${JSON.stringify(name)}:${JSON.stringify(value)}`)
    .join('');
  return (fields, message) => {
    if (!logger.isLevelEnabled('info')) return;
    stream.write(`{"level":"info","time":"${timestamp()}"${bindings},${fields},"msg":"${message}"}\n`);
  };
}
