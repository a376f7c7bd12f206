import { readFileSync } from 'node:fs';
import path from 'node:path';
import { parseAllDocuments, parseDocument } from 'yaml';
import { ConfigError, loadConfig } from '../../src/config/config.ts';
import { SETTINGS, type SettingName } from '../../src/config/settings.ts';
import { ROOT } from '../support/process.ts';

// eslint-disable-next-line @typescript-eslint/no-explicit-any -- deployment files are YAML without types
export type Tree = any;

export const read = (file: string): string => readFileSync(path.join(ROOT, file), 'utf8');

const YAML = { merge: true, uniqueKeys: true, version: '1.2' } as const;

/** Parses one YAML document. A warning counts as a fault. */
export function yamlOf(text: string, file: string): Tree {
  const document = parseDocument(text, YAML);
  const faults = [...document.errors, ...document.warnings];
  if (faults.length > 0) throw new Error(`${file}: ${faults.map(({ message }) => message).join('; ')}`);
  return document.toJS();
}

export function allYamlOf(text: string, file: string): Tree[] {
  return parseAllDocuments(text, YAML).map((document) => {
    const faults = [...document.errors, ...document.warnings];
    if (faults.length > 0) throw new Error(`${file}: ${faults.map(({ message }) => message).join('; ')}`);
    return document.toJS();
  });
}

/** Variables that Node itself reads. */
const OF_NODE = new Set(['NODE_OPTIONS']);

/** Faults of an environment for our image: unknown names, and values that the shop would refuse. */
export function environmentFaults(env: Readonly<Record<string, string>>): string[] {
  const unknown = Object.keys(env).filter((name) => {
    const secretOf = name.replace(/_FILE$/, '') as SettingName;
    const isFile = name.endsWith('_FILE') && secretOf in SETTINGS && SETTINGS[secretOf].secret;
    return !(name in SETTINGS) && !isFile && !OF_NODE.has(name);
  });
  const faults = unknown.map((name) => `${name} is no setting`);
  try {
    loadConfig(env);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    faults.push(...error.problems.map(({ name, reason }) => `${name} ${reason}`));
  }
  return faults;
}

/** Hosts and ports in the values of an environment. */
export function addressesOf(env: Readonly<Record<string, string>>): { name: string; host: string; port: number }[] {
  return Object.entries(env)
    .filter(([name, value]) => /_(URL|ENDPOINT)$/.test(name) && value !== '')
    .flatMap(([name, value]) =>
      [...value.matchAll(/(?:\/\/|@|,)(?:[a-z]+:\/\/)?([a-z][\w.-]*):(\d{2,5})(?=$|[/?,])/g)].map((found) => ({
        name,
        host: found[1] ?? '',
        port: Number(found[2]),
      })),
    );
}

/** The `ENV` of the Dockerfile's last stage, which every container of our image starts with. */
export function imageEnvironment(): Record<string, string> {
  const last = dockerfile().at(-1)!;
  const texts = last.filter(({ keyword }) => keyword === 'ENV').map(({ rest }) => rest);
  const pairs = texts.flatMap((text) => [...text.matchAll(/(\w+)=(?:"([^"]*)"|(\S*))/g)]);
  return Object.fromEntries(pairs.map(([, name = '', quoted, bare = '']) => [name, quoted ?? bare]));
}

export interface Instruction {
  readonly keyword: string;
  readonly rest: string;
}

/** The Dockerfile's stages, each a list of instructions that begins with its FROM. */
export function dockerfile(): Instruction[][] {
  const lines = read('Dockerfile')
    .split('\n')
    .filter((line) => !line.startsWith('#'))
    .join('\n')
    .replaceAll(/\\\n/g, ' ')
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
  const stages: Instruction[][] = [];
  for (const line of lines) {
    const [, keyword = '', rest = ''] = /^([A-Z]+)\s+(.*)$/.exec(line) ?? [];
    if (keyword === '') throw new Error(`Dockerfile: not an instruction: ${line}`);
    if (keyword === 'FROM') stages.push([]);
    stages.at(-1)?.push({ keyword, rest });
  }
  return stages;
}
