import os from 'node:os';
import type { Actor } from '../engine/decide/context.ts';
import type { EventStore } from '../eventstore/eventStore.ts';
import { openEventStore } from '../compose/openEventStore.ts';
import type { Logger } from '../platform/log.ts';
import { createPool, type Pool } from '../platform/postgres/pool.ts';
import { migrateShop } from '../compose/migrate.ts';
import { showRunning } from '../platform/postgres/running.ts';
import { migrateStatus } from '../platform/postgres/migrate.ts';
import { openSecrets } from '../compose/openSecrets.ts';
import { openShop, type Shop, type ShopOptions } from '../compose/shop.ts';
import { onDatabase, type CommandContext, type CommandOptions } from './command.ts';

export interface ShopCommand extends CommandContext {
  readonly shop: Shop;
}

/** Migrates an unused database. Throws when a used one lacks migrations. */
async function schemaMustFit(url: string): Promise<void> {
  const { applied, pending } = await migrateStatus(url);
  if (applied.length === 0) await migrateShop(url);
  else if (pending.length > 0) {
    throw new Error(`The database lacks ${pending.join(', ')}: run "cartulary migrate up" first.`);
  }
}

interface FittingOptions extends CommandOptions {
  /** The command does not begin while another process works on the shop: the sentence that says so. */
  readonly alone?: string;
}

/** Like `onDatabase`, with a schema that fits. Meanwhile no operator can take its tables back. */
const onFittingDatabase = <T>(
  work: (command: CommandContext) => Promise<T>,
  { alone, ...options }: FittingOptions,
): Promise<T> =>
  onDatabase(async (command) => {
    const running = await showRunning(command.url, command.log, alone);
    try {
      await schemaMustFit(command.url);
      return await work(command);
    } finally {
      await running.close();
    }
  }, options);

/** Like `onDatabase`, with the shop's write side; it is always closed again. */
export const onShop = <T>(
  work: (command: ShopCommand) => Promise<T>,
  { makesShop = false, check, ...options }: CommandOptions & Pick<ShopOptions, 'readOnly'> = {},
): Promise<T> =>
  onFittingDatabase(
    async (command) => {
      const { config, log, url } = command;
      const secrets = await openSecrets({ config, log, url, mayMake: makesShop });
      const shop = await openShop({ url, config, secrets, log, ...options });
      try {
        return await work({ ...command, shop });
      } finally {
        await shop.close();
      }
    },
    { makesShop, ...(check === undefined ? {} : { check }) },
  );

export interface LogCommand extends CommandContext {
  readonly pool: Pool;
  readonly store: EventStore;
}

const LOG_CONNECTIONS_MAX = 4;

/** Like `onDatabase`, with the log and a pool (`int8` as number): for commands that need no secrets. */
export const onLog = <T>(work: (command: LogCommand) => Promise<T>, options: FittingOptions = {}): Promise<T> =>
  onFittingDatabase(async (command) => {
    const { config, log, url } = command;
    const store = await openEventStore({ databaseUrl: url, eventStoreUrl: config.eventStoreUrl, log });
    const pool = createPool({ url, name: 'command', max: LOG_CONNECTIONS_MAX, int8: 'number' });
    try {
      return await work({ ...command, pool, store });
    } finally {
      await Promise.all([pool.end(), store.close()]);
    }
  }, options);

function accountName(): string {
  try {
    return os.userInfo().username;
  } catch {
    return String(process.getuid?.() ?? 'unknown');
  }
}

/** Reports what an operator has done to the secrets of a shop or to its whole log. It goes to stderr at every level but `error`. */
export const tellSecurity = (log: Logger, security: string, details: Readonly<Record<string, unknown>> = {}): void =>
  log.warn({ security, ...details, actor: operator().id }, `security: ${security}`);

/** The actor that the log records for commands of the command line: the operating system's user. */
export const operator = (): Actor => ({ id: `cli:${accountName()}`, role: 'system' });
