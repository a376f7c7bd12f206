import type { NewEvent } from '../eventstore/eventStore.ts';
import { type MasterKey, type MasterKeys, masterKeysOf, unwrap } from '../eventstore/masterKeys.ts';
import { serialise } from '../eventstore/serialise.ts';
import { type IndexKeyRow, openIndexKey } from '../eventstore/shopKeys.ts';
import {
  createFileHash,
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

export type Line = (
  | { readonly kind: 'header'; readonly header: Header }
  | { readonly kind: 'key'; readonly key: KeyLine }
  | { readonly kind: 'event'; readonly event: EventLine }
  | { readonly kind: 'trailer'; readonly trailer: Trailer }
) & { readonly text: string };

const NO_HEADER = 'an export of Cartulary begins with a header, and this is none';

const isText = (...values: readonly unknown[]): boolean => values.every((value) => typeof value === 'string');
const isPlace = (...values: readonly unknown[]): boolean =>
  values.every((value) => typeof value === 'string' && /^\d{1,20}$/.test(value));

function lineOf(value: object, text: string): Line | undefined {
  const found = value as Partial<Header & KeyLine & EventLine & Trailer>;
  if ('cartulary' in value) return { kind: 'header', header: value as Header, text };
  if ('wrapped_key' in value && isText(found.subject, found.wrapped_key))
    return { kind: 'key', key: value as KeyLine, text };
  if ('log_hash' in value) return { kind: 'trailer', trailer: value as Trailer, text };
  const whole = isText(found.stream, found.id, found.type) && isPlace(found.position, found.revision);
  return whole && 'data' in value && 'metadata' in value
    ? { kind: 'event', event: value as EventLine, text }
    : undefined;
}

function parse(text: string, number: number): Line {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new BadExport('it is no JSON', number);
  }
  const line = typeof value === 'object' && value !== null ? lineOf(value, text) : undefined;
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

/** Rejects, and calls the file by `name`, unless it begins as an export does. It reads no further: `verifyExport` checks the whole. */
export async function mustBeExport(file: string, name = file): Promise<void> {
  try {
    for await (const line of readExport(file)) {
      if (line.kind !== 'header') throw new BadExport(NO_HEADER, 1);
      checked(line.header);
      return;
    }
    throw new BadExport('the export is empty');
  } catch (error) {
    throw new Error(`${name} is no export of Cartulary: ${(error as Error).message}`, { cause: error });
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
  /** Undefined where there is none yet: then an export with keys is refused. */
  readonly masterKey: Buffer | undefined;
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

const NO_MASTER_KEY =
  'the keys in this export are wrapped by a MASTER_KEY, and none is set here: set that of the shop it was made from';

export const rowOf = ({ wrapped_key: wrapped, ...rest }: NonNullable<Header['index_key']>): IndexKeyRow => ({
  ...{ ...rest, wrapped_key: Buffer.from(wrapped, 'base64') },
});

/** Rejects an event that was written into the exported log by hand, and that no log takes. */
function mustBeTaken(event: EventLine, number: number): void {
  try {
    serialise(event.stream, [newEventOf(event)]);
  } catch (error) {
    const told = `${event.stream} #${event.revision} (event ${event.id})`;
    throw new BadExport(`no log takes ${told}: ${(error as Error).message}`, number);
  }
}

/** Opens the keys in an export, and counts those of persons. */
function createKeyJudge(masterKeys: MasterKeys | undefined) {
  let opener: MasterKey | undefined;
  let keys = 0;
  const notOpened = (number: number): Error =>
    new BadExport(masterKeys === undefined ? NO_MASTER_KEY : NOT_OPENED, number);
  return {
    get opener() {
      return opener;
    },
    get keys() {
      return keys;
    },
    take({ subject, wrapped_key: wrapped }: KeyLine, number: number): void {
      keys += 1;
      const key = { name: subject, bytes: Buffer.from(wrapped, 'base64'), mark: null };
      opener = masterKeys === undefined ? undefined : unwrap(masterKeys, key)?.by;
      if (opener === undefined) throw notOpened(number);
    },
    takeIndexKey({ index_key: wrapped }: Header): void {
      if (wrapped === undefined) return;
      if (masterKeys === undefined || openIndexKey(masterKeys, rowOf(wrapped)) === undefined) throw notOpened(1);
    },
  };
}

function createJudge({ masterKey, formerMasterKeys, apart, accept }: VerifyOptions, hash: LogHash) {
  const keysOpened = createKeyJudge(masterKey === undefined ? undefined : masterKeysOf(masterKey, formerMasterKeys));
  const fileHash = createFileHash();
  const rest = createLogHash();
  let header: Header | undefined;
  let trailer: Trailer | undefined;
  let number = 0;
  let position = -1n;
  let stage: number = ORDER.header;

  const takeEvent = (event: EventLine): void => {
    const next = BigInt(event.position);
    if (next <= position) throw new BadExport(`position ${next} comes after ${position}`, number);
    position = next;
    const { data, metadata } = contentOfLine(event);
    hash.add(event, data, metadata);
    if (event.stream !== apart) rest.add(event, data, metadata);
    mustBeTaken(event, number);
    accept?.(event);
  };

  return {
    take(line: Line): void {
      number += 1;
      const isFirst = number === 1;
      if (isFirst !== (line.kind === 'header')) throw new BadExport(NO_HEADER, number);
      if (ORDER[line.kind] < stage || trailer !== undefined) throw new BadExport('its lines are not in order', number);
      stage = ORDER[line.kind];
      if (line.kind !== 'trailer') fileHash.add(line.text);
      switch (line.kind) {
        case 'header':
          header = checked(line.header);
          keysOpened.takeIndexKey(header);
          break;
        case 'key':
          keysOpened.take(line.key, number);
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
      const { opener, keys } = keysOpened;
      if (header === undefined) throw new BadExport('the export is empty');
      if (trailer === undefined) throw new BadExport(`the export was cut off after ${hash.events} events`);
      if (trailer.keys !== keys || trailer.events !== hash.events) {
        const told = `${trailer.events} events and ${trailer.keys} keys`;
        throw new BadExport(`the export has ${hash.events} events and ${keys} keys, and says that it has ${told}`);
      }
      if (trailer.log_hash !== hash.value())
        throw new BadExport('its events are not those it was made with: the hash differs');
      if (trailer.file_hash !== undefined && trailer.file_hash !== fileHash.value())
        throw new BadExport('its lines are not those it was made with: the hash of the file differs');
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
