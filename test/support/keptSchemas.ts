import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { format, resolveConfig } from 'prettier';
import { UPCASTERS } from '../../src/aggregates/index.ts';
import { schemaOf } from '../../src/eventstore/upcast.ts';
import type { EventSchema, Schema } from './eventSchemas.ts';

/** The schema files of each version of each event: the shapes that the log and the stream may contain. */
export const SCHEMAS = path.resolve(import.meta.dirname, '../../schemas');

export const fileOf = (type: string, version: number): string => `${type}.v${version}.json`;

/** A kept schema; undefined when there is none of this version. */
export function keptSchema(type: string, version: number, folder = SCHEMAS): Schema | undefined {
  try {
    return JSON.parse(readFileSync(path.join(folder, fileOf(type, version)), 'utf8')) as Schema;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

const keptTypes = (folder = SCHEMAS): string[] => [...new Set(readdirSync(folder).map((name) => name.split('.')[0]!))];

const alternatives = (schema: Schema): readonly Schema[] => schema.anyOf ?? [schema];

/** Reasons why a value of schema `older` may not fit schema `newer`; empty when all values fit. */
export function breaks(older: Schema, newer: Schema, where = 'data'): string[] {
  return alternatives(older).flatMap((one) => {
    const chances = alternatives(newer).map((other) => breaksOne(one, other, where));
    return chances.some((reasons) => reasons.length === 0) ? [] : (chances.find((reasons) => reasons.length > 0) ?? []);
  });
}

function breaksOne(older: Schema, newer: Schema, where: string): string[] {
  if (older.enum !== undefined) return breaksEnum(older.enum, newer, where);
  if (newer.enum !== undefined || older.type !== newer.type) return [`${where} is no longer ${said(older)}`];
  if (older.items !== undefined && newer.items !== undefined) return breaks(older.items, newer.items, `${where}[]`);
  const [was, is] = [older.properties ?? {}, newer.properties ?? {}];
  return [
    ...Object.keys(was)
      .filter((name) => !(name in is))
      .map((name) => `${where}.${name} is gone`),
    ...(newer.required ?? [])
      .filter((name) => older.required?.includes(name) !== true)
      .map((name) => `${where}.${name} is required now`),
    ...Object.entries(was).flatMap(([name, schema]) =>
      is[name] === undefined ? [] : breaks(schema, is[name], `${where}.${name}`),
    ),
  ];
}

function breaksEnum(values: NonNullable<Schema['enum']>, newer: Schema, where: string): string[] {
  if (newer.enum === undefined)
    return values.every((value) => typeof value === newer.type)
      ? []
      : [`${where} is no longer ${said({ enum: values })}`];
  return values
    .filter((value) => !newer.enum!.includes(value))
    .map((value) => `${where} is never ${JSON.stringify(value)} now`);
}

const said = (schema: Schema): string => JSON.stringify(schema.enum ?? schema.type);

/** The version in which events of this type are recorded now. */
export const versionOf = (type: string): number => schemaOf(UPCASTERS, type);

/** Reasons why these schemas do not fit the events in the log; empty when they do. */
export function refusals(schemas: readonly EventSchema[], folder = SCHEMAS, versionNow = versionOf): string[] {
  const known = new Set(schemas.map(({ type }) => type));
  const gone = keptTypes(folder)
    .filter((type) => !known.has(type))
    .map((type) => `${type} is gone, but the log holds events of that type: keep the type`);
  const changed = schemas.flatMap(({ type, data }) => {
    const version = versionNow(type);
    const older = Array.from({ length: version - 1 }, (_, index) => index + 1);
    const lost = older.filter((one) => keptSchema(type, one, folder) === undefined);
    const kept = keptSchema(type, version, folder);
    const reasons = kept === undefined ? [] : breaks(kept, data);
    return [
      ...lost.map((one) => `${type} is at version ${version}, but ${fileOf(type, one)} is missing`),
      ...reasons.map(
        (reason) =>
          `${type}: ${reason}: events of version ${version} in the log would be misread. Write an upcaster beside the type of the event`,
      ),
    ];
  });
  return [...gone, ...changed];
}

/** The file of an event's current schema, and its text. */
export async function fileOfCurrent({ type, data, description }: EventSchema): Promise<{ file: string; text: string }> {
  const version = versionOf(type);
  const schema = {
    $schema: 'http://json-schema.org/draft-07/schema#',
    title: `${type}, version ${version}`,
    ...(description === '' ? {} : { description }),
    ...data,
  };
  const config = await resolveConfig(SCHEMAS);
  return { file: fileOf(type, version), text: await format(JSON.stringify(schema), { ...config, parser: 'json' }) };
}

/** Writes the current version of each schema. Refuses schemas that the log's events would not fit. */
export async function keepSchemas(schemas: readonly EventSchema[], folder = SCHEMAS): Promise<void> {
  mkdirSync(folder, { recursive: true });
  const refused = refusals(schemas, folder);
  if (refused.length > 0) throw new Error(refused.join('\n'));
  for (const schema of schemas) {
    const { file, text } = await fileOfCurrent(schema);
    writeFileSync(path.join(folder, file), text);
  }
}
