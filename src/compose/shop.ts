import { type Actor, CommandContext, SYSTEM } from '../engine/decide/context.ts';
import { createAggregates } from '../engine/decide/handle.ts';
import type { CommandContext as ShopContext, Passwords, Services } from '../commands/contract.ts';
import type { ShopSettings } from '../queries/contract.ts';
import { createPersonalData } from '../eventstore/personalData.ts';
import { type Config, ConfigError } from '../config/config.ts';
import { categoryOf, type EventStore } from '../eventstore/eventStore.ts';
import { settleCurrency } from './currency.ts';
import { createErasures } from './erasures.ts';
import { type OpenPictures, openPictures } from './pictures.ts';
import { createHints } from './hints.ts';
import { createOperations } from './operations.ts';
import { createPersonIndex } from './personIndex.ts';
import { indexKeyOf } from './masterKeys.ts';
import { type NewerWatch, watchNewer } from './newer.ts';
import { openEventStore } from './openEventStore.ts';
import { stemmerFor } from './stemmer.ts';
import { createSnapshots } from '../eventstore/snapshots.ts';
import { SANDBOX_METHODS } from '../handlers/gateways/sandbox.ts';
import { createPasswords } from '../http/auth/passwords.ts';
import { createTokens } from '../http/auth/tokens.ts';
import { createBackground } from '../platform/background.ts';
import { freshId } from '../platform/ids.ts';
import type { Logger } from '../platform/log.ts';
import { createPool, type Pool, translating } from '../platform/postgres/pool.ts';
import { createWritable, type Writable } from '../platform/postgres/writable.ts';
import { createProgress, type Progress } from '../engine/project/progress.ts';
import { noting } from '../engine/project/tags.ts';
import { type Changes, createChanges } from '../engine/ask/changes.ts';
import { projections } from '../projections/index.ts';
import type { ReadDb } from '../engine/ask/query.ts';
import type { Secrets } from '../platform/secrets.ts';
import { type SpanDetails, traced } from '../platform/trace.ts';

/** The software's own names: no password by themselves. */
const SHOP = 'Cartulary';

export interface ShopOptions {
  readonly url: string;
  readonly config: Config;
  readonly secrets: Secrets;
  readonly log: Logger;
  /** The progress of the projections; created on the write pool unless given. */
  readonly progress?: Progress;
  /** The most folded streams that are kept in memory. */
  readonly cacheEntries?: number;
  /** Reads only: the log gets no currency by being opened, and may have another one. */
  readonly readOnly?: boolean;
  /** Called with the duration of each durable append. */
  readonly onAppend?: (seconds: number) => void;
}

export interface Shop {
  readonly store: EventStore;
  readonly services: Services;
  readonly pictures: OpenPictures;
  /** Stored answers and marks in logs are derived from it. It stays when the master key changes. */
  readonly indexKey: Buffer;
  /** `int8` as bigint: for positions and revisions. */
  readonly pool: Pool;
  /** `int8` as number: for read models. */
  readonly readPool: Pool;
  /** Whether Postgres takes writes. */
  readonly writable: Writable;
  readonly db: ReadDb;
  readonly progress: Progress;
  /** The changes that this process has made. */
  readonly changes: Changes;
  /** The events that this process has read and only a newer version knows. */
  readonly newer: NewerWatch;
  close(): Promise<void>;
}

/** Reports the use of a master key that is not the first one listed: once per key, however much it opens. */
function formerTold(log: Logger): (mark: string) => void {
  const told = new Set<string>();
  return (key) => {
    if (told.has(key)) return;
    told.add(key);
    log.warn({ security: 'use of an older master key', key }, 'security: use of an older master key');
  };
}

/** The least connections for all that is not a query of a reader, if the setting allows that many. One is held as long as the process lives. */
const WRITE_CONNECTIONS_MIN = 4;

/** The connections for all that is not a query of a reader: fewer of them do the same work in fewer, larger statements. */
const writeConnections = (max: number): number => Math.min(max, Math.max(WRITE_CONNECTIONS_MIN, Math.ceil(max / 2)));

/** The passwords of a shop with these settings. */
export const passwordsOf = (config: Config): Promise<Passwords> =>
  createPasswords({ ...config.auth, shopNames: [SHOP, config.mail.from] });

/** Opens the write side and its services on a migrated database, for the server and the command line. */
export async function openShop(options: ShopOptions): Promise<Shop> {
  const { url, config, secrets, log, cacheEntries } = options;
  const settings = settingsOf(config);
  const { poolMax: max } = config.database;
  const { eventStoreUrl } = config;
  const pool = createPool({ url, name: 'write', max: writeConnections(max), int8: 'bigint' });
  const writable = createWritable(pool);
  const onRefused = (error: unknown): void => writable.refused(error);
  const changes = createChanges();
  const newer = watchNewer({ pass: config.newerEvents === 'pass', log });
  const opened = await openEventStore({ databaseUrl: url, eventStoreUrl, log, onRefused, newer });
  const store = noting(timed(opened, options.onAppend), projections, (tags, position) => changes.note(tags, position));
  const readPool = createPool({ url, name: 'read', max, int8: 'number' });
  const operations = createOperations({ pool, store, url, log });
  const background = createBackground(log);
  const pictures = openPictures({ config, pool, log });
  const close = async (): Promise<void> => {
    await background.stop();
    pictures.close();
    await operations.close();
    await store.close();
    await Promise.all([pool.end(), readPool.end()]);
  };
  try {
    const { epoch } = await store.head();
    const db = readDb(readPool);
    const progress = options.progress ?? createProgress({ pool, beside: [readPool], log: { store, projections } });
    const { accessTtlMs, refreshTtlMs } = config.auth;
    const { masterKey, formerMasterKeys: former } = secrets;
    const onFormer = formerTold(log);
    const indexKey = await indexKeyOf(pool, secrets, {
      ...(options.readOnly === undefined ? {} : { readOnly: options.readOnly }),
      onFormer,
    });
    const personalData = createPersonalData({ pool, masterKey, former, indexKey, onFormer });
    const services: Services = {
      store,
      aggregates: createAggregates({ store, snapshots: createSnapshots({ pool, epoch, log }), cacheEntries }),
      personalData,
      passwords: await passwordsOf(config),
      background,
      tokens: createTokens({ secret: secrets.jwtSecret, accessTtlMs, refreshTtlMs }),
      hints: createHints({ db, store, progress }),
      pictures,
      operations,
      personIndex: createPersonIndex({ pool, personalData, settings }),
      erasures: createErasures(pool, personalData),
      settings: { ...settings, searchLanguage: await stemmerFor(settings.searchLanguage, pool, log) },
    };
    if (options.readOnly !== true) await settleCurrency(commandContext(services, { actor: SYSTEM('setup') }), log);
    return { store, services, pictures, indexKey, pool, readPool, writable, db, progress, changes, newer, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** The span of an append. Commands that are appended together share one: a child of the first command's, linked to the others'. */
const appendSpan = ([stream, , events]: Parameters<EventStore['append']>): SpanDetails => ({
  kind: 'client',
  name: `append ${categoryOf(stream)}`,
  parent: events[0]?.metadata.traceparent,
  links: events.map(({ metadata }) => metadata.traceparent).filter((one) => one !== events[0]?.metadata.traceparent),
  attributes: {
    'db.operation.name': 'append',
    'db.collection.name': categoryOf(stream),
    'db.operation.batch.size': events.length,
  },
});

function timed(store: EventStore, onAppend: ShopOptions['onAppend']): EventStore {
  if (onAppend === undefined) return store;
  return {
    ...store,
    async append(...args) {
      const startedAt = performance.now();
      const result = await traced(
        () => appendSpan(args),
        () => store.append(...args),
      );
      onAppend((performance.now() - startedAt) / 1_000);
      return result;
    },
  };
}

const readDb = (pool: Pool): ReadDb => ({
  rows: <R extends object>(sql: string, values: readonly unknown[] = []) =>
    translating(async () => (await pool.query<R>(sql, [...values])).rows),
});

function settingsOf({ shop, payment, signIn, mail, uploads }: Config): ShopSettings {
  if (!SANDBOX_METHODS.includes(payment.methodDefault)) {
    const reason = `must be one of ${SANDBOX_METHODS.join(', ')}`;
    throw new ConfigError([{ name: 'PAYMENT_METHOD_DEFAULT', reason }]);
  }
  return {
    currency: shop.currency,
    paymentMethodDefault: payment.methodDefault,
    paymentMethods: SANDBOX_METHODS,
    paymentDeadlineMs: payment.deadlineMs,
    checkoutDeadlineMs: shop.checkoutDeadlineMs,
    uploadMaxBytes: uploads.maxBytes,
    unpaidBounds: shop.unpaidBounds,
    signIn: { ...signIn, issuer: issuerOf(mail.from) },
    searchLanguage: shop.searchLanguage,
    phoneDefaultCountry: shop.phoneDefaultCountry,
  };
}

/** The name before an address, or the host of the address. */
const issuerOf = (from: string): string =>
  (
    /^\s*"?([^<"]*[^<"\s])/.exec(from.includes('<') ? from : '')?.[1] ?? from.slice(from.lastIndexOf('@') + 1)
  ).replaceAll(':', ' ');

export interface ContextOptions {
  readonly actor: Actor;
  /** The command's id, if the command may be repeated: then the streams are searched for what it did before. */
  readonly id?: string;
  /** ISO 8601 UTC; now unless given. */
  readonly now?: string;
  readonly correlationId?: string;
}

/** A command context outside an HTTP request, with a fresh id unless one is given. */
export function commandContext(services: Services, options: ContextOptions): ShopContext {
  const { actor, id = freshId(), now = new Date().toISOString(), correlationId = id } = options;
  return new CommandContext({ id, repeatable: options.id !== undefined, actor, now, correlationId }, services);
}
