import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';

/** The library of Debian's package `libfaketime`, which gives one process another wall clock. Its monotonic clock stays as it is. */
export const FAKETIME = { env: 'TEST_FAKETIME_LIBRARY', package: 'libfaketime', name: 'libfaketime' } as const;
const LIBRARY = 'faketime/libfaketimeMT.so.1';

/** The library's file: that of `TEST_FAKETIME_LIBRARY`, or where Debian puts it; undefined when it is not here. */
export function faketimeLibrary(): string | undefined {
  const given = process.env[FAKETIME.env];
  if (given !== undefined && given !== '') return given;
  if (!existsSync('/usr/lib')) return undefined;
  return ['.', ...readdirSync('/usr/lib')].map((folder) => path.join('/usr/lib', folder, LIBRARY)).find(existsSync);
}

/** The environment of a process whose wall clock is ahead by so many seconds, or behind. */
export function clockAhead(seconds: number): Readonly<Record<string, string>> {
  const library = faketimeLibrary();
  if (library === undefined)
    throw new Error(`This test needs ${FAKETIME.name}: run it by npm test, which says how to get it.`);
  return {
    LD_PRELOAD: library,
    FAKETIME: `${seconds < 0 ? '' : '+'}${seconds}s`,
    FAKETIME_DONT_FAKE_MONOTONIC: '1',
    FAKETIME_DONT_RESET: '1',
  };
}
