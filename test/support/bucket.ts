import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

// A bucket that speaks the protocol of S3 over HTTP. It computes every signature by itself, from the request as it came.

const REGION = 'eu-test-1';
const NAME = 'shop-pictures';
/** Objects of one page of a listing, however many are asked for. */
const PAGE_MAX = 4;

/** What becomes of the next request in place of an answer. */
type Fault = number | 'cut' | 'cut in the body' | 'silent';

export interface Bucket {
  /** The settings of a shop that uses it. */
  readonly settings: Readonly<Record<string, string>>;
  /** The same for `createS3Storage`. */
  readonly access: {
    readonly endpoint: string;
    readonly bucket: string;
    readonly region: string;
    readonly accessKeyId: string;
    readonly secretAccessKey: string;
  };
  readonly objects: Map<string, { readonly bytes: Buffer; readonly type: string; writtenAt: number }>;
  /** Every request so far, as `METHOD path`. */
  readonly asked: string[];
  /** Requests whose signature was wrong. */
  readonly forged: string[];
  /** Faults of the next requests, in order. `always` stands for all of them. */
  fail(...faults: Fault[]): void;
  always(fault: Fault | undefined): void;
  close(): Promise<void>;
}

const KEY_ID = 'shop-key';
const MUST_BE_SIGNED = ['host', 'x-amz-content-sha256', 'x-amz-date'];
const SECRET = 'CANARY-bucket-secret-3c9d';
const hmac = (key: string | Buffer, text: string): Buffer => createHmac('sha256', key).update(text).digest();
const sha256 = (bytes: string | Buffer): string => createHash('sha256').update(bytes).digest('hex');
const encoded = (text: string): string =>
  encodeURIComponent(text).replace(/[!'()*]/g, (one) => `%${one.charCodeAt(0).toString(16).toUpperCase()}`);

const AUTHORIZATION =
  /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8})\/([^/]+)\/s3\/aws4_request, SignedHeaders=([^,]+), Signature=([0-9a-f]{64})$/;

/** Whether the request was signed with the secret, and its body is the one that was signed. */
function isSigned({ method, url, headers }: IncomingMessage, body: Buffer): boolean {
  const found = AUTHORIZATION.exec(headers.authorization ?? '');
  if (found === null) return false;
  const [, id, day = '', region = '', names = '', signature = ''] = found;
  const stamp = String(headers['x-amz-date']);
  const bodyHash = String(headers['x-amz-content-sha256']);
  const areSigned = MUST_BE_SIGNED.every((name) => names.split(';').includes(name));
  const fits = [id === KEY_ID, region === REGION, stamp.startsWith(day), bodyHash === sha256(body), areSigned];
  if (fits.includes(false)) return false;
  const { pathname, searchParams } = new URL(url ?? '/', 'http://bucket');
  const query = [...searchParams].map(([name, value]) => `${encoded(name)}=${encoded(value)}`).sort();
  const canonical = [
    ...[method, pathname, query.join('&')],
    ...names.split(';').map((name) => `${name}:${String(headers[name])}`),
    ...['', names, bodyHash],
  ].join('\n');
  const scope = `${day}/${region}/s3/aws4_request`;
  const key = [day, region, 's3', 'aws4_request'].reduce<string | Buffer>(hmac, `AWS4${SECRET}`);
  const expected = hmac(key, ['AWS4-HMAC-SHA256', stamp, scope, sha256(canonical)].join('\n'));
  return timingSafeEqual(expected, Buffer.from(signature, 'hex'));
}

async function bodyOf(req: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of req) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

const escaped = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');

function refuse(res: ServerResponse, status: number, code: string): void {
  res.writeHead(status, { 'content-type': 'application/xml' });
  res.end(`<?xml version="1.0"?><Error><Code>${code}</Code></Error>`);
}

export async function openBucket(): Promise<Bucket> {
  const objects: Bucket['objects'] = new Map();
  const asked: string[] = [];
  const forged: string[] = [];
  const faults: Fault[] = [];
  let lasting: Fault | undefined;

  function list(res: ServerResponse, query: URLSearchParams): void {
    const after = Buffer.from(query.get('continuation-token') ?? '', 'base64').toString();
    const names = [...objects.keys()]
      .sort()
      .filter((name) => name.startsWith(query.get('prefix') ?? '') && name > after);
    const page = names.slice(0, Math.min(PAGE_MAX, Number(query.get('max-keys'))));
    const isCut = page.length < names.length;
    // A token may have characters that mean something in an address.
    const next = Buffer.from(page.at(-1) ?? '').toString('base64');
    const contents = page.map((name) => {
      const written = new Date(objects.get(name)!.writtenAt).toISOString();
      return `<Contents><Key>${escaped(name)}</Key><LastModified>${written}</LastModified></Contents>`;
    });
    const token = isCut ? `<NextContinuationToken>${escaped(next)}</NextContinuationToken>` : '';
    res.writeHead(200, { 'content-type': 'application/xml' });
    res.end(`<ListBucketResult><IsTruncated>${isCut}</IsTruncated>${contents.join('')}${token}</ListBucketResult>`);
  }

  function answer(req: IncomingMessage, res: ServerResponse, body: Buffer): void {
    const { pathname, searchParams } = new URL(req.url ?? '/', 'http://bucket');
    const [, bucket, ...rest] = pathname.split('/');
    if (bucket !== NAME) {
      refuse(res, 404, 'NoSuchBucket');
      return;
    }
    const name = decodeURIComponent(rest.join('/'));
    if (req.method === 'GET' && name === '') {
      list(res, searchParams);
      return;
    }
    if (req.method === 'PUT') {
      objects.set(name, { bytes: body, type: String(req.headers['content-type']), writtenAt: Date.now() });
      res.writeHead(200).end();
    } else if (req.method === 'DELETE') {
      objects.delete(name);
      res.writeHead(204).end();
    } else {
      const found = objects.get(name);
      if (found === undefined) {
        refuse(res, 404, 'NoSuchKey');
        return;
      }
      res.writeHead(200, { 'content-type': found.type, 'content-length': found.bytes.length }).end(found.bytes);
    }
  }

  const server = createServer((req, res) => {
    void bodyOf(req)
      .then((body) => {
        asked.push(`${req.method} ${req.url}`);
        const fault = lasting ?? faults.shift();
        if (fault === 'silent') return;
        if (fault === 'cut') return void req.socket.destroy();
        if (fault === 'cut in the body') {
          res.writeHead(200, { 'content-length': 1_000 }).write('the beginning', () => req.socket.destroy());
          return;
        }
        if (fault !== undefined) {
          refuse(res, fault, 'Fault');
          return;
        }
        if (isSigned(req, body)) {
          answer(req, res, body);
          return;
        }
        forged.push(`${req.method} ${req.url}`);
        refuse(res, 403, 'SignatureDoesNotMatch');
      })
      .catch(() => req.socket.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

  return {
    access: { endpoint, bucket: NAME, region: REGION, accessKeyId: KEY_ID, secretAccessKey: SECRET },
    settings: {
      ...{ S3_ENDPOINT: endpoint, S3_BUCKET: NAME, S3_REGION: REGION },
      ...{ S3_ACCESS_KEY_ID: KEY_ID, S3_SECRET_ACCESS_KEY: SECRET },
    },
    ...{ objects, asked, forged },
    fail: (...more) => void faults.push(...more),
    always: (fault) => (lasting = fault),
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
