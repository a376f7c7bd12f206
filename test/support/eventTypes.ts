import path from 'node:path';
import { format, resolveConfig } from 'prettier';
import type { EventSchema } from './eventSchemas.ts';

export const TYPES_FILE = path.resolve(import.meta.dirname, '../../src/aggregates/eventTypes.ts');

/** The text of `src/aggregates/eventTypes.ts`: the type of every event that an aggregate records or has recorded. */
export async function eventTypesText(events: readonly EventSchema[]): Promise<string> {
  const types = events.map(({ type }) => type).sort();
  const text = `// Made by \`npm run docs\`.

/** The types of all events that this version of the code knows. */
export const EVENT_TYPES: readonly string[] = ${JSON.stringify(types)};
`;
  return format(text, { ...(await resolveConfig(TYPES_FILE)), parser: 'typescript' });
}
