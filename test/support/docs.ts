import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { ASYNCAPI, asyncApiText } from './asyncapi.ts';
import { eventSchemas } from './eventSchemas.ts';
import { eventTypesText, TYPES_FILE } from './eventTypes.ts';
import { fileOfCurrent, keepSchemas, SCHEMAS } from './keptSchemas.ts';
import { problemRulesText, RULES_FILE } from './problemRules.ts';
import { PAGES, REFERENCE } from './reference/index.ts';

// `npm run docs` writes every file of the repository that is made from the code: the schemas of events, the list of their types, `asyncapi.json` and the pages of
// `docs/reference`. `npm run docs -- --check` changes nothing, prints the stale files, and exits with 1 when there are any.

interface Made {
  readonly file: string;
  readonly text: string;
}

const kept = (file: string): string | undefined => {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
};

const checkOnly = process.argv.includes('--check');
const stale: string[] = [];

function settle({ file, text }: Made): void {
  if (kept(file) === text) return;
  stale.push(path.relative(process.cwd(), file));
  if (checkOnly) return;
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, text);
}

const events = eventSchemas();
for (const event of events) {
  const { file, text } = await fileOfCurrent(event);
  if (checkOnly) settle({ file: path.join(SCHEMAS, file), text });
}
// Refuses schemas that do not fit events in the log.
if (!checkOnly) await keepSchemas(events);
settle({ file: ASYNCAPI, text: await asyncApiText(events) });
settle({ file: TYPES_FILE, text: await eventTypesText(events) });
settle({ file: RULES_FILE, text: await problemRulesText() });
// The pages are made from the files above.
for (const [name, make] of Object.entries(PAGES)) settle({ file: path.join(REFERENCE, name), text: await make() });

const told =
  stale.length === 0 ? ['Everything is up to date.'] : stale.map((file) => `${checkOnly ? 'stale' : 'made'} ${file}`);
console.log(told.join('\n'));
process.exit(checkOnly && stale.length > 0 ? 1 : 0);
