import type { IncomingMessage } from 'node:http';
import { fieldError } from '../../errors.ts';
import { invalidRequest, ProblemError } from './problem.ts';

/** How deep objects and arrays may be nested in a body. */
const DEPTH_MAX = 32;
/** How long an array in a body may be; its own schema may allow less. */
const ARRAY_ITEMS_MAX = 1_000;
/** How many keys one object in a body may have. */
const OBJECT_KEYS_MAX = 200;

const JSON_TYPE = /^application\/json\s*(?:;\s*charset\s*=\s*"?utf-8"?\s*)?$/i;
/** NUL, which Postgres refuses, and lone surrogates, which UTF-8 cannot encode. */
const UNSTORABLE = /[\0\p{Cs}]/u;
const EMPTY = Buffer.alloc(0);
const decoder = new TextDecoder('utf-8', { fatal: true });

const tooLarge = (limit: number): ProblemError =>
  new ProblemError('PAYLOAD_TOO_LARGE', 'BodyTooLarge', `The body may have at most ${limit} bytes.`);

const malformed = (reason: string, field = ''): ProblemError =>
  invalidRequest([fieldError(field === '' ? undefined : field, reason)]);

function unsupported(detail: string): ProblemError {
  return new ProblemError('UNSUPPORTED_MEDIA_TYPE', 'UnsupportedMediaType', detail, {
    headers: ['Accept', 'application/json'],
  });
}

/** Resolves with the whole body. Rejects with a problem when it exceeds `limit` bytes (as announced or as sent) or ends early. */
export function readBody(
  req: IncomingMessage,
  limit: number,
  refusal: () => Error = () => tooLarge(limit),
): Promise<Buffer> {
  if (Number(req.headers['content-length'] ?? 0) > limit) return Promise.reject(refusal());
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    const settle = (error?: Error): void => {
      req.off('data', onData).off('end', onEnd).off('error', onGone).off('close', onGone);
      if (error === undefined) resolve(chunks.length === 1 ? (chunks[0] ?? EMPTY) : Buffer.concat(chunks, size));
      else reject(error);
    };
    const onData = (chunk: Buffer): void => {
      size += chunk.length;
      chunks.push(chunk);
      if (size > limit) {
        settle(refusal());
        req.resume();
      }
    };
    const onEnd = (): void => settle();
    const onGone = (): void => settle(malformed('The body ended early.'));
    req.on('data', onData).on('end', onEnd).on('error', onGone).on('close', onGone);
  });
}

/** Throws when the value is nested too deeply, has too many items or fields, or holds text that cannot be stored. */
function checkValue(value: unknown, field: string, depth: number, checkText: boolean): void {
  if (typeof value === 'string') {
    if (checkText && UNSTORABLE.test(value)) throw malformed('holds characters that cannot be stored', field);
    return;
  }
  if (typeof value !== 'object' || value === null) return;
  if (depth > DEPTH_MAX) throw malformed(`The body may be nested at most ${DEPTH_MAX} levels deep.`);
  if (Array.isArray(value)) {
    if (value.length > ARRAY_ITEMS_MAX) throw malformed(`must have at most ${ARRAY_ITEMS_MAX} items`, field);
    value.forEach((item, index) => checkValue(item, inside(field, String(index)), depth + 1, checkText));
    return;
  }
  const keys = Object.keys(value);
  if (keys.length > OBJECT_KEYS_MAX) throw malformed(`must have at most ${OBJECT_KEYS_MAX} fields`, field);
  for (const key of keys) {
    checkValue((value as Record<string, unknown>)[key], inside(field, key), depth + 1, checkText);
  }
}

const inside = (field: string, key: string): string => (field === '' ? key : `${field}.${key}`);

/** Parses JSON into a value that is safe to validate: bounded in depth and sizes, without NUL and lone surrogates. */
function parseJson(bytes: Buffer): unknown {
  let text: string;
  let value: unknown;
  try {
    text = decoder.decode(bytes);
    value = JSON.parse(text);
  } catch {
    throw malformed('The body is not valid JSON.');
  }
  // Only `\u` escapes can bring in NUL or lone surrogates: the decoder and the parser refuse them unescaped.
  checkValue(value, '', 1, text.includes('\\u'));
  return value;
}

export const hasBody = (req: IncomingMessage): boolean =>
  req.headers['transfer-encoding'] !== undefined || Number(req.headers['content-length'] ?? 0) > 0;

/** The body's bytes and their parsed value; `{}` when there is no body. */
export async function readJson(req: IncomingMessage, limit: number): Promise<{ bytes: Buffer; value: unknown }> {
  if (!hasBody(req)) return { bytes: EMPTY, value: {} };
  const encoding = req.headers['content-encoding'];
  if (encoding !== undefined && encoding !== 'identity') {
    throw unsupported('The body must not be compressed.');
  }
  const type = req.headers['content-type'];
  const isJson = type !== undefined && JSON_TYPE.test(type);
  const bytes = await readBody(req, limit);
  if (bytes.length === 0) return { bytes: EMPTY, value: {} };
  if (!isJson) throw unsupported('The body must be JSON in UTF-8, sent with Content-Type: application/json.');
  return { bytes, value: parseJson(bytes) };
}
