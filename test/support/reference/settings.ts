import { readFileSync } from 'node:fs';
import path from 'node:path';
import { code, page, sentence, table } from './markdown.ts';
import { RULES, SETTINGS, type Setting } from './shop.ts';

const EXAMPLE = path.resolve(import.meta.dirname, '../../../.env.example');
const SECTION = /^# ---- (.+?) -+$/;
const COMMENT = /^# ?(.*)$/;
const ASSIGNMENT = /^([A-Z][A-Z0-9_]*)=/;

interface Explained {
  readonly name: string;
  readonly meaning: string;
}

interface Section {
  readonly title: string;
  readonly settings: Explained[];
}

/** A comment explains the settings on the lines right below it. A blank line ends that. */
function sectionsOf(text: string): Section[] {
  const sections: Section[] = [];
  let comment: string[] = [];
  let used = false;
  for (const line of text.split('\n')) {
    const title = SECTION.exec(line)?.[1];
    const words = COMMENT.exec(line)?.[1];
    const name = ASSIGNMENT.exec(line)?.[1];
    if (title !== undefined) sections.push({ title, settings: [] });
    if (title !== undefined || line === '') comment = [];
    else if (words !== undefined) comment = used ? [words] : [...comment, words];
    used = name !== undefined;
    if (name === undefined) continue;
    if (comment.length === 0) throw new Error(`.env.example does not explain ${name}.`);
    sections.at(-1)!.settings.push({ name, meaning: comment.join(' ') });
  }
  return sections;
}

/** Texts that some settings do not accept. */
const WRONG = ['\0', ' ', '999999999d', '999999999999999'];

/** The values that a setting accepts, taken from its error message for a wrong value. */
function wanted(setting: Setting<unknown>): string {
  const reasons = WRONG.flatMap((text) => {
    try {
      setting.parse(text);
      return [];
    } catch (error) {
      return [(error as Error).message.replace(/^must (be|name) /, '').replace(/ \(not: [^)]*\)$/, '')];
    }
  });
  if (reasons.length === 0) throw new Error('A setting takes any text: its page cannot say what it must be.');
  return [...new Set(reasons)].at(-1)!;
}

const MARKED = new RegExp(
  [
    String.raw`\w+ <[^>]+>`,
    String.raw`[a-z+]+://(?:\S*[^\s.,;:)])?`,
    `\\b(?:${Object.keys(SETTINGS).join('|')})\\b`,
  ].join('|'),
  'g',
);

/** Plain text in which URLs and names of settings become code. Markdown would take some for links, and others for tags. */
const marked = (text: string): string => text.replaceAll(MARKED, code);

function row({ name, meaning }: Explained): string[] {
  const setting = (SETTINGS as Readonly<Record<string, Setting<unknown>>>)[name];
  if (setting === undefined) throw new Error(`.env.example explains ${name}, which is no setting.`);
  const { fallback, secret } = setting;
  return [
    code(name),
    fallback === undefined || fallback === '' ? '–' : code(fallback),
    `${marked(wanted(setting))}${secret ? '; secret' : ''}`,
    sentence(marked(meaning.replaceAll(/\s*\bSecret\.\s*/g, ' '))),
  ];
}

const INTRODUCTION = `Settings are environment variables, or lines of a \`.env\` file in the working directory; the environment wins.
None has to be set. A value that is wrong keeps the process from starting, and is named with its reason (exit code 78). A duration bears its unit:
\`200ms\`, \`30s\`, \`15m\`, \`168h\`, \`7d\`.

A name in \`.env\` that is a slip of a setting (\`CURENCY\`) is refused, and so is a line that sets nothing. A slip in the environment, another unknown
name in \`.env\`, a name set twice and an empty value that hides a default are logged as warnings.

A secret may also be given as a file: the variable's name with \`_FILE\` at its end holds the path (\`DATABASE_URL_FILE=/run/secrets/database\`).`;

/** `docs/reference/settings.md`. */
export function settingsPage(): string {
  const sections = sectionsOf(readFileSync(EXAMPLE, 'utf8'));
  return page('Settings', '`src/config/settings.ts` and `.env.example`', [
    INTRODUCTION,
    ...sections.flatMap(({ title, settings }) => [
      `## ${title}`,
      table(['setting', 'default', 'value', 'meaning'], settings.map(row)),
    ]),
    '## Rules between settings',
    'Each of these is refused at the start.',
    table(
      ['setting', 'judged with', 'why it is refused'],
      RULES.map(({ name, with: other, reason }) => [code(name), code(other), marked(reason)]),
    ),
  ]);
}
