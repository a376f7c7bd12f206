import path from 'node:path';
import { format, resolveConfig } from 'prettier';
import { rules } from './reference/refusals.ts';

export const RULES_FILE = path.resolve(import.meta.dirname, '../../src/http/pages/rules.ts');

/** The text of `src/http/pages/rules.ts`: every rule that an answer can name. */
export async function problemRulesText(): Promise<string> {
  const told = rules().map((one) => ({ ...one, sentences: one.sentences.filter((sentence) => sentence !== '…') }));
  const text = `// Made by \`npm run docs\` from every place that refuses something. Change those, not this file.

/** A rule that an answer can name in its \`type\`, in one of the ways it is refused. */
export interface ProblemRule {
  readonly rule: string;
  readonly status: number;
  readonly code: string;
  /** Its message, with \`…\` for the parts that vary. */
  readonly sentences: readonly string[];
}

const told: readonly (readonly [rule: string, status: number, code: string, ...sentences: string[]])[] = ${JSON.stringify(
    told.map(({ rule, status, code, sentences }) => [rule, status, code, ...sentences]),
  )};

/** Every rule, in the order of their names. */
export const RULES: readonly ProblemRule[] = told.map(([rule, status, code, ...sentences]) => ({ rule, status, code, sentences }));
`;
  return format(text, { ...(await resolveConfig(RULES_FILE)), parser: 'typescript' });
}
