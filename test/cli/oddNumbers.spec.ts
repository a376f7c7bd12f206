import { expect } from 'chai';
import { InvalidArgumentError, type Argument, type Command, type Option } from 'commander';
import { createProgram } from '../../src/cli/program.ts';
import { words } from '../../src/cli/values.ts';
import { ODD_TEXTS } from '../support/oddNumbers.ts';

const NUMERIC = /<(?:n|position|instant)>/;
/** Its text is that of a setting, whose parser refuses odd numbers. */
const OF_SETTINGS = ['--workers <n>'];

/** Whether any text is taken: its parser changes or looks at nothing that a number could break. */
const takesAnyText = ({ parseArg }: Option | Argument): boolean => parseArg === undefined || parseArg === words;

const commandsIn = (command: Command): readonly Command[] => [command, ...command.commands.flatMap(commandsIn)];
const partsOf = (command: Command): readonly (Option | Argument)[] => [
  ...command.options,
  ...command.registeredArguments,
];
const nameOf = (part: Option | Argument): string => ('flags' in part ? part.flags : part.name());

describe('the numbers of the command line', () => {
  let parts: readonly (Option | Argument)[];
  before(async () => {
    parts = commandsIn(await createProgram()).flatMap(partsOf);
  });

  it('are each parsed when they are given', () => {
    const numeric = parts.filter((part) => NUMERIC.test(nameOf(part)) && !OF_SETTINGS.includes(nameOf(part)));
    expect(numeric.map(nameOf)).to.include.members([
      '--from <position>',
      '--to <position>',
      '--revision <n>',
      '--seed <n>',
    ]);
    expect(numeric.filter(({ parseArg }) => parseArg === undefined).map(nameOf)).to.deep.equal([]);
  });

  it('know an instant by the same rules as the API', () => {
    const asOf = parts.find((part) => nameOf(part) === '--as-of <instant>')!;
    const parsed = (text: string): unknown => asOf.parseArg!(text, undefined as never);
    expect(parsed('2026-03-01')).to.equal('2026-03-01T00:00:00.000Z');
    expect(parsed('2026-03-01T12:00+01:00')).to.equal('2026-03-01T11:00:00.000Z');
    expect(parsed('2026-12-31T23:59:60Z')).to.equal('2027-01-01T00:00:00.000Z');
    for (const text of ['2026-02-30', '2026-03-01T12:00:00', '2026-03-01T12:00:00+02']) {
      expect(() => parsed(text), text).to.throw(InvalidArgumentError);
    }
  });

  it('are refused when they are odd', () => {
    for (const part of parts.filter((part) => !takesAnyText(part))) {
      for (const text of ODD_TEXTS) {
        if (part.parseArg!.length === 0 || /^\d{16}$/.test(text)) continue;
        expect(() => part.parseArg!(text, undefined as never), `${nameOf(part)} ${text.slice(0, 40)}`).to.throw(
          InvalidArgumentError,
        );
      }
    }
  });
});
