import type { IncomingMessage } from 'node:http';
import busboy from 'busboy';
import { fieldError, unavailable } from '../../errors.ts';
import { createSemaphore } from '../../platform/semaphore.ts';
import { readBody } from './body.ts';
import { invalidRequest, ProblemError } from './problem.ts';

/** What a multipart body may have beside the file: boundaries, headers, and fields that are refused by name. */
const ENVELOPE_BYTES_MAX = 16_384;
const MULTIPART = /^multipart\/form-data\s*(?:;|$)/i;
const LIMITS = { files: 4, fields: 4, parts: 8, fieldNameSize: 100, fieldSize: 1_024, headerPairs: 20 };

/** Uploads that one process reads or works on at once; they bound the memory that uploads take. */
const AT_ONCE = 16;
const WAITING_MAX = 64;
const WAIT_MAX_MS = 10_000;

/** A file in a multipart body: the name of its field, and the most bytes that it may have. */
export interface UploadLimits {
  readonly field: string;
  readonly maxBytes: number;
}

const tooLarge = ({ field, maxBytes }: UploadLimits): ProblemError => {
  const error = fieldError(field, `must have at most ${maxBytes} bytes`, 'PAYLOAD_TOO_LARGE');
  return new ProblemError('PAYLOAD_TOO_LARGE', 'UploadTooLarge', error.message, { errors: [error] });
};

const refusing = (field: string, reason: string): ProblemError => invalidRequest([fieldError(field, reason)]);

function mustBeMultipart({ headers }: IncomingMessage, field: string): void {
  const encoding = headers['content-encoding'];
  const isPlain = encoding === undefined || encoding === 'identity';
  if (isPlain && MULTIPART.test(headers['content-type'] ?? '')) return;
  const reason = 'must be a file in a body of the type multipart/form-data, without compression';
  const error = fieldError(field, reason, 'UNSUPPORTED_MEDIA_TYPE');
  throw new ProblemError('UNSUPPORTED_MEDIA_TYPE', 'UnsupportedMediaType', error.message, {
    errors: [error],
    headers: ['Accept', 'multipart/form-data'],
  });
}

/** The names of fields in a refusal are cut to this many characters. */
const NAME_SHOWN_MAX = 64;

const malformedName = (field: string): ProblemError => refusing(field, 'must be the name of the part: one has no name');

const unknownField = (name: string, field: string): ProblemError =>
  refusing(name.slice(0, NAME_SHOWN_MAX), `is not a known field: the only one is ${field}`);

/** Parses a whole body that has one file, and nothing else. */
function fileIn(body: Buffer, headers: IncomingMessage['headers'], limits: UploadLimits): Promise<Buffer> {
  const { field, maxBytes } = limits;
  return new Promise((resolve, reject) => {
    const malformed = (): void => reject(refusing(field, 'must come in a whole and valid multipart/form-data body'));
    let parser: busboy.Busboy;
    try {
      // One more byte than allowed, so that a file of exactly the limit is not taken for one that was cut.
      parser = busboy({ headers, defParamCharset: 'utf8', limits: { ...LIMITS, fileSize: maxBytes + 1 } });
    } catch {
      malformed();
      return;
    }
    const files: Buffer[][] = [];
    // A part may come without a name, whatever the types say.
    parser.on('file', (name: string | undefined, stream) => {
      const chunks: Buffer[] = [];
      files.push(chunks);
      if (name !== field) reject(name === undefined ? malformedName(field) : unknownField(name, field));
      else if (files.length > 1) reject(refusing(field, 'must be one file, but there are several'));
      stream.on('data', (chunk: Buffer) => chunks.push(chunk)).on('error', malformed);
    });
    parser.on('field', (name) => {
      reject(name === field ? refusing(field, 'must be a file, but it is text') : unknownField(name, field));
    });
    for (const event of ['filesLimit', 'fieldsLimit', 'partsLimit', 'error'] as const) parser.on(event, malformed);
    parser.once('close', () => {
      const [chunks] = files;
      const file = Buffer.concat(chunks ?? []);
      if (chunks === undefined) reject(refusing(field, 'is missing: it must be a file'));
      else if (file.length > maxBytes) reject(tooLarge(limits));
      else resolve(file);
    });
    parser.end(body);
  });
}

/** The bytes of the one file of a request. A body that is too long, as announced or as sent, is refused at once. */
export async function readUpload(req: IncomingMessage, limits: UploadLimits): Promise<Buffer> {
  mustBeMultipart(req, limits.field);
  const body = await readBody(req, limits.maxBytes + ENVELOPE_BYTES_MAX, () => tooLarge(limits));
  return fileIn(body, req.headers, limits);
}

const busy = (): Error => unavailable('UploadsBusy', 'Too many files are being uploaded; try again in a moment.');

/** Bounds the uploads of this process. */
export const createUploads = () =>
  createSemaphore({ permits: AT_ONCE, wait: { max: WAITING_MAX, timeoutMs: WAIT_MAX_MS, refused: busy } });
