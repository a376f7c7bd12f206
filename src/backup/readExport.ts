import type { NewEvent } from '../eventstore/eventStore.ts';
import { type MasterKey, masterKeysOf, unwrap } from '../eventstore/masterKeys.ts';
import { type IndexKeyRow, openIndexKey } from '../eventstore/shopKeys.ts';
import {
  createLogHash,
  FORMAT,
  FORMAT_WITH_INDEX_KEY,
  type Content,
  type EventLine,
  type Header,
  type KeyLine,
  type LogHash,
  type Trailer,
} from './format.ts';
import { linesOf } from './lines.ts';

/** An export cannot be used, for the reason given. */
class BadExport extends Error {
  constructor(reason: string, line?: number) {
    super(line === undefined ? reason : `line ${line}: ${reason}`);
    this.name = 'BadExport';
  }
}

export type Line =
  | { readonly kind: 'header'; readonly header: Header }
  | { readonly kind: 'key'; readonly key: KeyLine }
  | { readonly kind: 'event'; readonly event: EventLine }
  | { readonly kind: 'trailer'; readonly trailer: Trailer };

const NO_HEADER = 'an export of Cartulary begins with a header, and this is none';

const isText = (...values: readonly unknown[]): boolean => values.every((value) => typeof value === 'string');
const isPlace = (...values: readonly unknown[]): boolean =>
  values.every((value) => typeof value === 'string' && /^\d{1,20}$/.test(value));

function lineOf(value: object): Line | undefined {
  const found = value as Partial<Header & KeyLine & EventLine & Trailer>;
  if ('cartulary' in value) return { kind: 'header', header: value as Header };
  if ('wrapped_key' in value && isText(found.subject, found.wrapped_key)) return { kind: 'key', key: value as KeyLine };
  if ('log_hash' in value) return { kind: 'trailer', trailer: value as Trailer };
  const whole = isText(found.stream, found.id, found.type) && isPlace(found.position, found.revision);
  return whole && 'data' in value && 'metadata' in value ? { kind: 'event', event: value as EventLine } : undefined;
}

function parse(text: string, number: number): Line {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new BadExport('it is no JSON', number);
  }
  const line = typeof value === 'object' && value !== null ? lineOf(value) : undefined;
  if (line === undefined) throw new BadExport('this is no line of an export', number);
  return line;
}

/** The parsed lines of an export. Checks each line by itself; `verifyExport` checks the whole. */
export async function* readExport(file: string): AsyncGenerator<Line> {
  let number = 0;
  for await (const text of linesOf(file)) {
    number += 1;
    yield parse(text, number);
  }
}

/** Rejects unless the file begins as an export does. It reads no further: `verifyExport` checks the whole. */
export async function mustBeExport(file: string): Promise<void> {
  try {
    for await (const line of readExport(file)) {
      if (line.kind !== 'header') throw new BadExport(NO_HEADER, 1);
      checked(line.header);
      return;
    }
    throw new BadExport('the export is empty');
  } catch (error) {
    throw new Error(`${file} is no export of Cartulary: ${(error as Error).message}`, { cause: error });
  }
}

export interface Verified {
  readonly header: Header;
  readonly trailer: Trailer;
  /** The master key that opened the keys of persons; undefined when there are none. */
  readonly opener: MasterKey | undefined;
  /** The events outside the stream `apart`: their number and their hash. */
  readonly rest: Pick<LogHash, 'events'> & { readonly log_hash: string };
}

export interface VerifyOptions {
  readonly masterKey: Buffer;
  /** Other master keys that may have wrapped keys of the export. */
  readonly formerMasterKeys?: readonly Buffer[] | undefined;
  /** A stream whose events are left out of `rest`. */
  readonly apart: string;
  /** Throws when an event may not be imported here. */
  readonly accept?: ((event: EventLine) => void) | undefined;
  readonly onProgress?: (events: number) => void;
}

const ORDER = { header: 0, key: 1, event: 2, trailer: 3 } as const;

/**
 * Reads a whole export. Rejects with `BadExport` unless it is complete, undamaged, in order, and its keys open with this
 * master key. Call it before any part of the export is used.
 */
export async function verifyExport(file: string, options: VerifyOptions): Promise<Verified> {
  const hash = createLogHash();
  const judge = createJudge(options, hash);
  for await (const line of readExport(file)) {
    judge.take(line);
    if (line.kind === 'event') options.onProgress?.(hash.events);
  }
  return judge.end();
}

const NOT_OPENED =
  'MASTER_KEY does not open the keys of this export: set that of the shop it was made from, or add it to the list';

export const rowOf = ({ wrapped_key: wrapped, ...rest }: NonNullable<Header['index_key']>): IndexKeyRow => ({
  ...{ ...rest, wrapped_key: Buffer.from(wrapped, 'base64') },
});

function createJudge({ masterKey, formerMasterKeys, apart, accept }: VerifyOptions, hash: LogHash) {
  const masterKeys = masterKeysOf(masterKey, formerMasterKeys);
  let opener: MasterKey | undefined;
  const rest = createLogHash();
  let header: Header | undefined;
  let trailer: Trailer | undefined;
  let number = 0;
  let keys = 0;
  let position = -1n;
  let stage: number = ORDER.header;

  const takeKey = ({ subject, wrapped_key: wrapped }: KeyLine): void => {
    keys += 1;
    opener = unwrap(masterKeys, { name: subject, bytes: Buffer.from(wrapped, 'base64'), mark: null })?.by;
    if (opener !== undefined) return;
    throw new BadExport(NOT_OPENED, number);
  };
  const takeIndexKey = ({ index_key: wrapped }: Header): void => {
    if (wrapped === undefined || openIndexKey(masterKeys, rowOf(wrapped)) !== undefined) return;
    throw new BadExport(NOT_OPENED, number);
  };
  const takeEvent = (event: EventLine): void => {
    const next = BigInt(event.position);
    if (next <= position) throw new BadExport(`position ${next} comes after ${position}`, number);
    position = next;
    const { data, metadata } = contentOfLine(event);
    hash.add(event, data, metadata);
    if (event.stream !== apart) rest.add(event, data, metadata);
    accept?.(event);
  };

  return {
    take(line: Line): void {
      number += 1;
      const isFirst = number === 1;
      if (isFirst !== (line.kind === 'header')) throw new BadExport(NO_HEADER, number);
      if (ORDER[line.kind] < stage || trailer !== undefined) throw new BadExport('its lines are not in order', number);
      stage = ORDER[line.kind];
      switch (line.kind) {
        case 'header':
          header = checked(line.header);
          takeIndexKey(header);
          break;
        case 'key':
          takeKey(line.key);
          break;
        case 'event':
          takeEvent(line.event);
          break;
        case 'trailer':
          trailer = line.trailer;
          break;
      }
    },
    end(): Verified {
      if (header === undefined) throw new BadExport('the export is empty');
      if (trailer === undefined) throw new BadExport(`the export was cut off after ${hash.events} events`);
      if (trailer.keys !== keys || trailer.events !== hash.events) {
        const told = `${trailer.events} events and ${trailer.keys} keys`;
        throw new BadExport(`the export has ${hash.events} events and ${keys} keys, and says that it has ${told}`);
      }
      if (trailer.log_hash !== hash.value())
        throw new BadExport('its events are not those it was made with: the hash differs');
      return { header, trailer, opener, rest: { events: rest.events, log_hash: rest.value() } };
    },
  };
}

function checked(header: Header): Header {
  const { cartulary, format } = header as { cartulary: unknown; format: unknown };
  if (cartulary !== 'log') throw new BadExport('this is no export of a log', 1);
  if (format !== (header.index_key === undefined ? FORMAT : FORMAT_WITH_INDEX_KEY))
    throw new BadExport(`its format is ${String(format)}; this version knows ${FORMAT}`, 1);
  return header;
}

/** The parts of an event's line that are compared and hashed. */
export function contentOfLine({ data, metadata, ...line }: EventLine): Content {
  return { line, data: JSON.stringify(data), metadata: JSON.stringify(metadata) };
}

export const newEventOf = ({ id, type, data, metadata }: EventLine): NewEvent =>
  ({ id, type, data, metadata }) as unknown as NewEvent;
