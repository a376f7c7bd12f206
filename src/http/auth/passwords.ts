import { PASSWORD_BYTES_MAX } from '../../schema.ts';
import { availableParallelism } from 'node:os';
import bcrypt from 'bcrypt';
import type { Passwords } from '../../commands/contract.ts';
import { invalid, unavailable } from '../../errors.ts';
import { type PasswordContext, weaknessOf } from './weakness.ts';

/** The most hashes computed at the same time: they share libuv's threads with file and DNS operations. */
const HASHES_AT_ONCE_MAX = Math.min(4, availableParallelism());
export const HASHES_WAITING_MAX = 64;
/** Neither spaces nor characters without a picture make a password. */
const VISIBLE = /[^\p{Z}\p{C}\p{Default_Ignorable_Code_Point}]/u;
const UNSTORABLE = /[\0\p{Cs}]/u;

export interface PasswordSettings {
  readonly passwordMinLength: number;
  readonly passwordBlocklist: boolean;
  readonly bcryptCost: number;
  /** The names of the shop. */
  readonly shopNames?: PasswordContext;
}

/** A semaphore with a bounded queue: runs `atOnceMax` tasks at a time, queues `waitingMax`, and refuses more at once. */
function createGate(atOnceMax: number, waitingMax: number) {
  const waiting: (() => void)[] = [];
  let atWork = 0;
  return async <T>(work: () => Promise<T>): Promise<T> => {
    if (atWork >= atOnceMax) {
      if (waiting.length >= waitingMax)
        throw unavailable('PasswordsBusy', 'Too many sign-ins at the moment; try again.');
      await new Promise<void>((resolve) => waiting.push(resolve));
    } else atWork += 1;
    try {
      return await work();
    } finally {
      // The permit passes directly to the next waiting task, so that no other task can take it in between.
      const next = waiting.shift();
      if (next === undefined) atWork -= 1;
      else next();
    }
  };
}

/** Normalises a password to NFC; undefined when bcrypt cannot process all of it (NUL, lone surrogates, too many bytes). */
function normalise(password: string): string | undefined {
  if (UNSTORABLE.test(password)) return undefined;
  const normal = password.normalize('NFC');
  return Buffer.byteLength(normal) > PASSWORD_BYTES_MAX ? undefined : normal;
}

const COST = /^(\$2[aby]\$)(\d\d)(?=\$)/;
const costOf = (hash: string | undefined): number | undefined => {
  const cost = COST.exec(hash ?? '')?.[2];
  return cost === undefined ? undefined : Number(cost);
};
/** A hash that takes the work of another cost to compare; no password matches it. */
const atCost = (hash: string, cost: number): string => hash.replace(COST, `$1${String(cost).padStart(2, '0')}`);

/** bcrypt on libuv's threads, bounded; a verification takes as long for an unknown account, or a hash of a lower cost, as for any other. */
export async function createPasswords(settings: PasswordSettings): Promise<Passwords> {
  const { passwordMinLength, passwordBlocklist, bcryptCost, shopNames = [] } = settings;
  const gate = createGate(HASHES_AT_ONCE_MAX, HASHES_WAITING_MAX);
  const dummyHash = await bcrypt.hash('nobody has this password', bcryptCost);
  return {
    hash(password) {
      const normal = normalise(password);
      if (normal === undefined) throw new Error('A password is checked before it is hashed.');
      return gate(() => bcrypt.hash(normal, bcryptCost));
    },
    async verify(password, hash) {
      const normal = normalise(password);
      const matches = await gate(async () => {
        const found = await bcrypt.compare(normal ?? '', hash ?? dummyHash);
        // Each step of the cost doubles the work: these comparisons add up to what is missing.
        for (let cost = costOf(hash) ?? bcryptCost; cost < bcryptCost; cost += 1) {
          await bcrypt.compare(normal ?? '', atCost(dummyHash, cost));
        }
        return found;
      });
      return matches && normal !== undefined && hash !== undefined;
    },
    isOutdated: (hash) => costOf(hash) !== bcryptCost,
    check(password, field, context = []) {
      if (UNSTORABLE.test(password)) invalid(field, 'holds characters that a password cannot have');
      const normal = password.normalize('NFC');
      if (Array.from(normal).length < passwordMinLength) {
        invalid(field, `must have at least ${passwordMinLength} characters, but it has ${Array.from(normal).length}`);
      }
      if (Buffer.byteLength(normal) > PASSWORD_BYTES_MAX) {
        invalid(field, `must have at most ${PASSWORD_BYTES_MAX} bytes (as UTF-8)`);
      }
      if (!VISIBLE.test(normal)) invalid(field, 'must have a character that can be seen');
      const weakness = passwordBlocklist ? weaknessOf(normal, [...context, ...shopNames]) : undefined;
      if (weakness !== undefined) invalid(field, weakness);
    },
  };
}
