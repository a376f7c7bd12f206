import { nearest } from '../errors.ts';
import { OTHER_NAMES } from './otherNames.ts';
import { type SettingName, SETTINGS } from './settings.ts';

/** A name and what is wrong with it, as a part of a sentence behind the name. */
export interface NameProblem {
  readonly name: string;
  readonly reason: string;
}

/** Names in `.env` that are for the compose files, which read the same file. */
const OF_COMPOSE: readonly string[] = ['CARTULARY_PORT', 'CARTULARY_VERSION', 'POSTGRES_PASSWORD'];
const PREFIX = /^CARTULARY_/i;
const FILE_SUFFIX = /_FILE$/i;

const isSetting = (name: string): name is SettingName => Object.hasOwn(SETTINGS, name);
const isKnown = (name: string): boolean =>
  isSetting(name) ||
  OTHER_NAMES.includes(name) ||
  OF_COMPOSE.includes(name) ||
  isSecretFile(name) ||
  name.startsWith('COMPOSE_');

function isSecretFile(name: string): boolean {
  const of = name.replace(FILE_SUFFIX, '');
  return of !== name && isSetting(of) && SETTINGS[of].secret;
}

/** The setting that an unknown name is a slip of, with the reason; undefined when the name is something else. */
function slipOf(name: string): string | undefined {
  if (isKnown(name)) return undefined;
  const bare = name.replace(PREFIX, '');
  const of = bare.replace(FILE_SUFFIX, '');
  if (of !== bare && isSetting(of)) return `is no setting: ${of} is no secret, and is not read from a file`;
  const near = nearest(bare, Object.keys(SETTINGS)) ?? (of === bare ? undefined : nearest(of, Object.keys(SETTINGS)));
  if (near === undefined) return undefined;
  return `is no setting: did you mean ${near}${of === bare ? '' : '_FILE'}?`;
}

/** The names among these that are slips of settings. */
export const slipsIn = (names: readonly string[]): NameProblem[] =>
  names.flatMap((name) => {
    const reason = slipOf(name);
    return reason === undefined ? [] : [{ name, reason }];
  });

/** The names of `.env` that are neither settings nor slips of one: perhaps another program's. */
export const strangersIn = (names: readonly string[]): NameProblem[] =>
  names
    .filter((name) => !isKnown(name) && slipOf(name) === undefined)
    .map((name) => ({ name, reason: 'in .env is no setting, and is ignored' }));

/** Settings with a default whose value is given but empty. */
export const emptyIn = (env: Readonly<Record<string, string | undefined>>): NameProblem[] =>
  Object.entries(env).flatMap(([name, value]) => {
    if (!isSetting(name) || value?.trim() !== '' || (SETTINGS[name].fallback ?? '') === '') return [];
    return [{ name, reason: `is empty, which counts as not set: its default ${SETTINGS[name].fallback} is used` }];
  });
