import { randomUUID } from 'node:crypto';
import { commandContext, openShop, type Shop, type ShopOptions } from '../../src/compose/shop.ts';
import { registerUser } from '../../src/commands/registration.ts';
import { loadConfig } from '../../src/config/config.ts';
import { createLogger } from '../../src/platform/log.ts';
import { eventually } from './eventually.ts';
import { mustBeSpecified } from './specification.ts';
import { freshDatabase, type TestDatabase } from './database.ts';
import { topologySettings } from './topology.ts';
import {
  FRUGAL_SETTINGS,
  TEST_SETTINGS,
  temporaryFolder,
  spawnServer,
  type From,
  type ServerProcess,
} from './process.ts';

export const JWT_SECRET = 'a secret for tests, of thirty-two bytes and more';
export const MASTER_KEY = Buffer.alloc(32, 7).toString('base64');

const PATIENCE_MS = 15_000;
export const PASSWORD = 'correct horse battery';

// eslint-disable-next-line @typescript-eslint/no-explicit-any -- tests read answers as JSON without types
export type Json = any;

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  /** Undefined when the answer holds no JSON. */
  readonly body: Json;
  /** `body.data`. */
  readonly data: Json;
  readonly text: string;
}

export interface Caller {
  readonly id: string;
  readonly email: string;
  /** For requests that a test sends itself. */
  readonly headers: Readonly<Record<string, string>>;
  call(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<Answer>;
}

/** One request to a shop. `path` is below /api/v1. */
export async function request(
  url: string,
  method: string,
  path: string,
  options: { body?: unknown; token?: string; headers?: Record<string, string>; timeoutMs?: number } = {},
): Promise<Answer> {
  const { body, token, headers = {}, timeoutMs = 30_000 } = options;
  const response = await fetch(`${url}/api/v1${path}`, {
    method,
    headers: {
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(timeoutMs),
  });
  const text = await response.text();
  const parsed: Json = text === '' ? undefined : JSON.parse(text);
  const { status } = response;
  mustBeSpecified({ method, path, status, header: (name) => response.headers.get(name), body: parsed });
  return { status: response.status, headers: response.headers, body: parsed, data: parsed?.data, text };
}

/** Repeats a query while its read model is behind, as the answer says (503, Retry-After). A slow machine is no failure. */
async function patiently(method: string, ask: () => Promise<Answer>): Promise<Answer> {
  const until = performance.now() + PATIENCE_MS;
  for (;;) {
    const answer = await ask();
    const behind = method === 'GET' && answer.status === 503 && answer.body?.type === '/problems/ReadModelBehind';
    if (!behind || performance.now() > until) return answer;
  }
}

/** Throws with the whole answer when its status is not an expected one. */
export function must(answer: Answer, ...statuses: number[]): Answer {
  if (!statuses.includes(answer.status))
    throw new Error(`${answer.status}, expected ${statuses.join('/')}: ${answer.text}`);
  return answer;
}

/** Makes a shop's people and goods through its API. `url` may change when the server is started again. */
export function peopleOf(shop: { url: string; databaseUrl: string; currency?: string | undefined }) {
  const callerFor = (email: string, id: string, token: string): Caller => ({
    id,
    email,
    headers: { authorization: `Bearer ${token}` },
    call: (method, path, body, headers = {}) =>
      patiently(method, () => request(shop.url, method, path, { body, token, headers })),
  });

  async function logIn(email: string): Promise<Caller> {
    const { data } = must(await request(shop.url, 'POST', '/auth/login', { body: { email, password: PASSWORD } }), 200);
    return callerFor(email, data.user.id, data.access_token);
  }

  async function buyer(name = 'buyer'): Promise<Caller> {
    const email = `${name.toLowerCase().replaceAll(' ', '.')}-${randomUUID()}@example.com`;
    must(await request(shop.url, 'POST', '/auth/register', { body: { email, password: PASSWORD, name } }), 201);
    return logIn(email);
  }

  /** A new seller with a new store. */
  async function seller(name = 'seller'): Promise<Caller & { storeId: string }> {
    const person = await buyer(name);
    const { data } = must(await person.call('POST', '/stores', { name: `${name}'s store` }), 201);
    return { ...(await logIn(person.email)), storeId: data.id };
  }

  async function admin(): Promise<Caller> {
    const email = `admin-${randomUUID()}@example.com`;
    const write = await openWriteSide(shop.databaseUrl, shop.currency === undefined ? {} : { CURRENCY: shop.currency });
    try {
      const context = commandContext(write.services, { actor: { id: 'cli', role: 'system' } });
      await registerUser(context, { email, password: PASSWORD, name: 'Admin', role: 'admin' });
    } finally {
      await write.close();
    }
    return logIn(email);
  }

  async function category(name = `Category ${randomUUID()}`): Promise<string> {
    return must(await (await admin()).call('POST', '/categories', { name }), 201).data.id;
  }

  async function product(owner: Caller, categoryId: string, fields: Record<string, unknown> = {}): Promise<string> {
    const body = { name: 'Quill', price: '10.00', stock: 10, category_id: categoryId, ...fields };
    return must(await owner.call('POST', '/products', body), 201).data.id;
  }

  /** Waits until an order has come to a status. */
  const untilOrder = (owner: Caller, id: string, status: string, withinMs = 10_000): Promise<Json> =>
    eventually(
      `order ${id} is ${status}`,
      async () => {
        const { data } = await owner.call('GET', `/orders/${id}`);
        return data?.status === status ? data : undefined;
      },
      withinMs,
    );

  return { logIn, buyer, seller, admin, category, product, untilOrder };
}

export type People = ReturnType<typeof peopleOf>;

/** The pictures of all shops that this process serves. */
let uploads: string | undefined;

const configFor = (databaseUrl: string, env: Record<string, string>) =>
  loadConfig({
    ...TEST_SETTINGS,
    ...FRUGAL_SETTINGS,
    ...topologySettings(databaseUrl),
    ...{ LOG_LEVEL: 'warn', DATABASE_URL: databaseUrl, JWT_SECRET, MASTER_KEY },
    ...{ UPLOAD_DIR: (uploads ??= temporaryFolder('uploads')), ...env },
  });

/** The write side on a database, without a server. Tests use it to read the log or to create an admin. */
export function openWriteSide(
  databaseUrl: string,
  env: Record<string, string> = {},
  options: Pick<ShopOptions, 'readOnly'> = {},
): Promise<Shop> {
  const config = configFor(databaseUrl, env);
  const secrets = { jwtSecret: JWT_SECRET, masterKey: Buffer.from(MASTER_KEY, 'base64') };
  return openShop({ url: databaseUrl, config, secrets, log: createLogger('warn'), ...options });
}

/** A whole server in this process, on a free port. */
export async function serveShop(databaseUrl: string, env: Record<string, string> = {}) {
  const { start } = await import('../../src/main.ts');
  const config = configFor(databaseUrl, env);
  const running = await start(config, { log: createLogger(config.logLevel) });
  const shop = { url: running.url, databaseUrl, currency: env['CURRENCY'] };
  return { ...shop, people: peopleOf(shop), stop: () => running.stop() };
}

export type Served = Awaited<ReturnType<typeof serveShop>>;

/** Before the tests of a suite, serves a shop on a new database and hands it over; after them, stops the shop and drops the database. */
export function serving(use: (shop: Served) => void): void {
  let database: TestDatabase;
  let shop: Served;
  before(async () => {
    database = await freshDatabase();
    shop = await serveShop(database.url);
    use(shop);
  });
  after(async () => {
    await shop.stop();
    await database.drop();
  });
}

/** A server in a separate process, which can be killed and started again on the same database. */
export async function serveShopApart(databaseUrl: string, env: Record<string, string> = {}, from?: From) {
  const launch = (more: Record<string, string>): Promise<ServerProcess> =>
    spawnServer({
      ...(from === undefined ? {} : { from }),
      env: { LOG_LEVEL: 'warn', DATABASE_URL: databaseUrl, JWT_SECRET, MASTER_KEY, ...env, ...more },
    });
  let server = await launch({});
  const shop = { url: server.url, databaseUrl, currency: env['CURRENCY'] };
  return {
    shop,
    people: peopleOf(shop),
    process: (): ServerProcess => server,
    /** Starts the server again after its end, perhaps with other settings, such as a failpoint. */
    async restart(more: Record<string, string> = {}): Promise<void> {
      server = await launch(more);
      shop.url = server.url;
    },
  };
}
