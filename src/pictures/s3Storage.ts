import { createHash } from 'node:crypto';
import { AwsClient } from 'aws4fetch';
import { PICTURE_SIZES, type PictureSize } from '../aggregates/picture.ts';
import { delayAfter, type Backoff } from '../platform/backoff.ts';
import { setTimeout as pause } from 'node:timers/promises';
import { type Kept, KEY, MEDIA_TYPE, type PictureStorage } from './storage.ts';

/** How long one request to the bucket may take, ms. */
const REQUEST_TIMEOUT_MS = 10_000;
const ATTEMPTS_MAX = 3;
const AGAIN: Backoff = { delayMs: 100, delayMaxMs: 1_000 };
/** Answers after which the same request can succeed. */
const PASSING = new Set([408, 429, 500, 502, 503, 504]);
/** Objects of one page of a listing. A picture has three. */
const LISTED_MAX = 999;
const OBJECTS_FOLDER = 'pictures/';

export interface S3Settings {
  readonly endpoint: string;
  readonly bucket: string;
  readonly region: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

/** The bucket has answered that it does not do this. */
class Refused extends Error {}

const ENTITIES: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };
const unescaped = (text: string): string => text.replaceAll(/&(\w+);/g, (all, name: string) => ENTITIES[name] ?? all);

/** The texts of every element of this name. A listing nests no element in another one of the same name. */
const textsOf = (xml: string, name: string): string[] =>
  [...xml.matchAll(new RegExp(`<${name}>([^<]*)</${name}>`, 'g'))].map(([, text = '']) => unescaped(text));

const objectsIn = (xml: string): { name: string; writtenAt: number }[] =>
  [...xml.matchAll(/<Contents>([\s\S]*?)<\/Contents>/g)].map(([, part = '']) => ({
    name: textsOf(part, 'Key')[0] ?? '',
    writtenAt: Date.parse(textsOf(part, 'LastModified')[0] ?? ''),
  }));

/** The pictures whose objects are listed, each with the time of its last object. */
function picturesIn(xml: string): Kept[] {
  const found = new Map<string, number>();
  for (const { name, writtenAt } of objectsIn(xml)) {
    const [key = ''] = name.slice(OBJECTS_FOLDER.length).split('/');
    if (KEY.test(key)) found.set(key, Math.max(found.get(key) ?? 0, writtenAt));
  }
  return [...found].map(([key, writtenAt]) => ({ key, writtenAt }));
}

interface Sent {
  readonly method: 'GET' | 'PUT' | 'DELETE';
  readonly body?: Uint8Array<ArrayBuffer>;
}

export interface S3Options {
  readonly requestTimeoutMs?: number;
}

const refusalOf = (answer: Response, { method }: Sent): string => `the bucket answers ${answer.status} to ${method}`;

/** Sends signed requests. One that fails in passing is sent again: every one of them has the same effect twice as once. */
function createBucket(settings: S3Settings, { requestTimeoutMs = REQUEST_TIMEOUT_MS }: S3Options) {
  const { endpoint, bucket, ...signing } = settings;
  const client = new AwsClient({ ...signing, service: 's3', retries: 0 });
  const base = `${endpoint.replace(/\/+$/, '')}/${bucket}`;

  const attempt = (path: string, { method, body }: Sent): Promise<Response> =>
    client.fetch(`${base}${path}`, {
      method,
      headers: {
        // The bucket refuses a body that has changed on its way.
        'x-amz-content-sha256': createHash('sha256')
          .update(body ?? '')
          .digest('hex'),
        ...(body === undefined ? {} : { 'content-type': MEDIA_TYPE }),
      },
      ...(body === undefined ? {} : { body }),
      // Another address would need another signature.
      redirect: 'manual',
      // The time is also that of the body, which the caller reads.
      signal: AbortSignal.timeout(requestTimeoutMs),
    });

  /** Resolves with undefined when there is no such object. */
  async function once<T>(path: string, sent: Sent, read: (answer: Response) => Promise<T>): Promise<T | undefined> {
    const answer = await attempt(path, sent);
    if (answer.ok) return read(answer);
    const told = await answer.text();
    if (PASSING.has(answer.status)) throw new Error(refusalOf(answer, sent));
    if (answer.status !== 404) throw new Refused(refusalOf(answer, sent));
    if (told.includes('NoSuchBucket')) throw new Refused('the bucket does not exist');
    return undefined;
  }

  return async function send<T>(path: string, sent: Sent, read: (answer: Response) => Promise<T>) {
    for (let attempts = 1; ; attempts += 1) {
      try {
        return await once(path, sent, read);
      } catch (error) {
        if (error instanceof Refused || attempts === ATTEMPTS_MAX) throw error;
      }
      await pause(delayAfter(AGAIN, attempts));
    }
  };
}

const done = async (answer: Response): Promise<true> => {
  await answer.body?.cancel();
  return true;
};

/** Keeps pictures in an S3-compatible bucket, under `pictures/`. The bucket needs no public access: the shop serves them itself. */
export function createS3Storage(settings: S3Settings, options: S3Options = {}): PictureStorage {
  const send = createBucket(settings, options);
  const pathOf = (key: string, size: PictureSize): string => {
    if (!KEY.test(key)) throw new TypeError(`not the key of a picture: ${key}`);
    return `/${OBJECTS_FOLDER}${key}/${size}.webp`;
  };

  return {
    async put(key, files) {
      for (const size of PICTURE_SIZES) {
        const kept = await send(pathOf(key, size), { method: 'PUT', body: new Uint8Array(files[size]) }, done);
        if (kept === undefined) throw new Error('the bucket has no place for the object');
      }
    },
    read: (key, size) =>
      send(pathOf(key, size), { method: 'GET' }, async (answer) => Buffer.from(await answer.arrayBuffer())),
    async remove(key) {
      for (const size of PICTURE_SIZES) await send(pathOf(key, size), { method: 'DELETE' }, done);
    },
    async *list() {
      let after: string | undefined;
      do {
        const query = new URLSearchParams({ 'list-type': '2', 'max-keys': String(LISTED_MAX), prefix: OBJECTS_FOLDER });
        if (after !== undefined) query.set('continuation-token', after);
        const xml = await send(`?${query.toString()}`, { method: 'GET' }, (answer) => answer.text());
        if (xml === undefined) throw new Error('the bucket cannot be listed');
        yield picturesIn(xml);
        after = textsOf(xml, 'IsTruncated')[0] === 'true' ? textsOf(xml, 'NextContinuationToken')[0] : undefined;
      } while (after !== undefined);
    },
  };
}
