import type { Argument, Command, Option } from 'commander';
import { code, fenced, page, sentence, table } from './markdown.ts';
import { CONFIG_EXIT_CODE, createProgram, FAILED_EXIT_CODE, USAGE_EXIT_CODE } from './shop.ts';

const pathOf = (command: Command): string =>
  command.parent === null ? command.name() : `${pathOf(command.parent)} ${command.name()}`;

/** Commands that do something, in the order of registration. A group is only the first word of its commands. */
const runnable = (command: Command): Command[] =>
  command.commands.length === 0 ? [command] : command.commands.flatMap(runnable);

const shownAs = (argument: Argument): string => {
  const text = `${argument.name()}${argument.variadic ? '...' : ''}`;
  return argument.required ? `<${text}>` : `[${text}]`;
};

interface Described {
  readonly description: string;
  readonly argChoices?: readonly string[] | undefined;
  readonly defaultValue?: unknown;
}

const meaning = ({ description, argChoices, defaultValue }: Described): string =>
  [
    description,
    argChoices === undefined ? '' : `one of ${argChoices.map(code).join(', ')}`,
    defaultValue === undefined ? '' : `${code(JSON.stringify(defaultValue).replaceAll('"', ''))} unless given`,
  ]
    .filter((part) => part !== '')
    .join('; ');

const argumentRow = (argument: Argument): string[] => [code(shownAs(argument)), meaning(argument)];
const optionRow = (option: Option): string[] => [
  code(option.flags),
  `${meaning(option)}${option.mandatory ? '; required' : ''}`,
];

/** The part of `--help` after the structure of the command. */
function remarks(command: Command): string {
  let all = '';
  command.configureOutput({ writeOut: (text) => (all += text) });
  command.outputHelp();
  return all.slice(command.helpInformation().length).trim();
}

function detailsOf(command: Command, heading: '##' | '###'): string[] {
  const rows = [...command.registeredArguments.map(argumentRow), ...command.options.map(optionRow)];
  const remark = remarks(command);
  const words = [pathOf(command), ...command.registeredArguments.map(shownAs)];
  const usage = [...words, ...(command.options.length > 0 ? ['[options]'] : [])].join(' ');
  return [
    `${heading} ${pathOf(command)}`,
    sentence(command.description()),
    fenced('text', usage),
    rows.length === 0 ? '' : table(['argument or option', 'meaning'], rows),
    remark,
  ];
}

/** A group has its own heading, with each of its commands below. */
const sectionOf = (command: Command): string[] =>
  command.commands.length === 0
    ? detailsOf(command, '##')
    : [
        `## ${pathOf(command)}`,
        sentence(command.description()),
        ...runnable(command).flatMap((one) => detailsOf(one, '###')),
      ];

const INTRODUCTION = `\`npx cartulary …\` after a build (\`npm start\` builds); \`npm run cartulary -- …\` from the sources. A command takes the same
[settings](settings.md) as the server and works beside a running one, unless its description says otherwise. \`--help\` after any command prints
its part of this page; \`cartulary --version\` prints the version.

Only \`serve\`, \`seed\`, \`import events\`, \`migrate up\` and \`admin create\` make a shop where there is none. Every other command refuses a
folder or database without one, and leaves nothing there.`;

const exitCodes = (): string =>
  table(
    ['exit code', 'meaning'],
    [
      ['0', 'The command did what it was asked for.'],
      [`${FAILED_EXIT_CODE}`, 'It failed, and says why in one line; `LOG_LEVEL=debug` adds the stack.'],
      [`${USAGE_EXIT_CODE}`, 'The command line cannot be understood.'],
      [`${CONFIG_EXIT_CODE}`, 'A setting is wrong.'],
      ['129, 130, 143', 'A signal ended it: SIGHUP, SIGINT, SIGTERM.'],
    ],
  );

/** `docs/reference/command-line.md`. */
export async function commandLinePage(): Promise<string> {
  const program = await createProgram();
  return page('Command line', 'the program that `src/cli` builds', [
    INTRODUCTION,
    table(
      ['command', 'what it does'],
      runnable(program).map((command) => [
        `[${code(pathOf(command))}](#${pathOf(command).replaceAll(' ', '-')})`,
        sentence(command.description()),
      ]),
    ),
    ...program.commands.flatMap(sectionOf),
    '## Exit codes',
    exitCodes(),
  ]);
}
