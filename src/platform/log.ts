import { pino, stdTimeFunctions, type Logger } from 'pino';

export type { Logger } from 'pino';

const FLUSH_INTERVAL_MS = 100;
const BUFFER_BYTES = 16_000;
const STDERR = 2;

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
 * at exit. Fields with secret names are hidden, down to three levels deep.
 */
export const createLogger = (level: string, destination: number | string = STDERR): Logger =>
  pino(
    {
      level,
      base: null,
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      redact: {
        paths: SECRET_FIELDS.flatMap((field) => ['', '*.', '*.*.'].map((at) => bracketed(at, field))),
        censor: '[hidden]',
      },
    },
    pino.destination({ dest: destination, sync: false, minLength: BUFFER_BYTES, periodicFlush: FLUSH_INTERVAL_MS }),
  );

const bracketed = (at: string, field: string): string =>
  /^\w+$/.test(field) ? `${at}${field}` : `${at.replace(/\.$/, '')}["${field}"]`;
