import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';

/** Text that is encrypted under a person's key. Only `PersonalData.seal` makes one; it is opened only where it was sealed for. */
export type Sealed = string & { readonly sealed: 'personal data' };

/** The one place that a sealed text belongs to. A copy of the text in any other place does not open. */
export interface Place {
  /** The id of the person whose key encrypts the text. */
  readonly subject: string;
  readonly stream: string;
  /** The event type and its field, such as `UserRegistered.email`. */
  readonly field: string;
}

/** A field that is declared sealed. */
export interface SealedField {
  /** As in `Place`. */
  readonly name: string;
  /** Whether events that were recorded before `pd2` hold it sealed as `pd1`. If not, those events hold it as plain text. */
  readonly pd1: boolean;
}

/** Where an object holds sealed text: for each of its properties, the fields that the text may come from. All else is text. */
export interface Opening extends Omit<Place, 'field'> {
  readonly properties: Readonly<Record<string, readonly SealedField[]>>;
}

/** Replaces an erased person's data. */
export const ERASED = '[erased]';

const CIPHER = 'aes-256-gcm';
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
/** The first format. It binds the text to a person only. */
const PD1 = /^pd1\.([A-Za-z0-9_-]{1,64})\.([A-Za-z0-9_-]{38,})$/;
const PD2 = /^pd2\.([A-Za-z0-9_-]{1,64})\.([A-Za-z]{1,64}\.[A-Za-z]{1,64})\.([A-Za-z0-9_-]{38,})$/;
const FIELD = /^[A-Za-z]{1,64}\.[A-Za-z]{1,64}$/;

/** Encrypts bytes (AES-256-GCM). They open only with the same key and the same `bound` text. */
export function encrypt(key: Buffer, bound: string, plain: Buffer): Buffer {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv(CIPHER, key, nonce).setAAD(Buffer.from(bound));
  return Buffer.concat([nonce, cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
}

export function decrypt(key: Buffer, bound: string, bytes: Buffer): Buffer {
  const decipher = createDecipheriv(CIPHER, key, bytes.subarray(0, NONCE_BYTES), { authTagLength: TAG_BYTES });
  decipher.setAAD(Buffer.from(bound)).setAuthTag(bytes.subarray(-TAG_BYTES));
  return Buffer.concat([decipher.update(bytes.subarray(NONCE_BYTES, -TAG_BYTES)), decipher.final()]);
}

/** NUL separates the parts, and no part holds one; the `pd1` format binds a text without NUL. */
const boundTo = ({ subject, stream, field }: Place): string => ['pd2', subject, stream, field].join('\0');

/** Encrypts text to `pd2.<subject>.<event type>.<field>.<…>`. */
export function sealText(key: Buffer, place: Place, text: string): Sealed {
  if (!FIELD.test(place.field)) throw new TypeError(`not an event type with a field: ${place.field}`);
  const bytes = encrypt(key, boundTo(place), Buffer.from(text));
  return `pd2.${place.subject}.${place.field}.${bytes.toString('base64url')}` as Sealed;
}

interface Parts {
  readonly subject: string;
  /** Only `pd2` names its field. */
  readonly field?: string;
  readonly bytes: string;
}

function partsOf(text: string): Parts | undefined {
  if (text.startsWith('pd2.')) {
    const [, subject, field, bytes] = PD2.exec(text) ?? [];
    return subject === undefined ? undefined : { subject, field: field!, bytes: bytes! };
  }
  const [, subject, bytes] = (text.startsWith('pd1.') ? PD1.exec(text) : null) ?? [];
  return subject === undefined ? undefined : { subject, bytes: bytes! };
}

/** The person whose key encrypts a text; undefined for text that is not sealed. */
export const subjectOf = (text: unknown): string | undefined =>
  typeof text === 'string' ? partsOf(text)?.subject : undefined;

/** The text's parts when it may have been sealed for one of these fields of this person. */
function admitted(text: unknown, { subject, fields }: { subject: string; fields: readonly SealedField[] }) {
  const parts = typeof text === 'string' ? partsOf(text) : undefined;
  if (parts?.subject !== subject) return undefined;
  const declared = fields.some(({ name, pd1 }) => (parts.field === undefined ? pd1 : name === parts.field));
  return declared ? parts : undefined;
}

/** Whether a property of the object may have to be opened, so that the person's key is needed. */
export const needsKey = (value: object, { subject, properties }: Opening): boolean =>
  Object.entries(properties).some(
    ([name, fields]) => admitted((value as Readonly<Record<string, unknown>>)[name], { subject, fields }) !== undefined,
  );

/**
 * A copy of the object with its sealed properties opened. Text that was not sealed for exactly this place stays as it is: somebody
 * typed it, or copied it from elsewhere.
 */
export function openProperties<T extends object>(value: T, opening: Opening, key: Buffer | undefined): T {
  const { subject, stream, properties } = opening;
  const opened: Record<string, unknown> = { ...(value as Readonly<Record<string, unknown>>) };
  for (const [name, fields] of Object.entries(properties)) {
    const parts = admitted(opened[name], { subject, fields });
    if (parts === undefined) continue;
    if (key === undefined) {
      opened[name] = ERASED;
      continue;
    }
    const bound = parts.field === undefined ? subject : boundTo({ subject, stream, field: parts.field });
    try {
      opened[name] = decrypt(key, bound, Buffer.from(parts.bytes, 'base64url')).toString();
    } catch {
      // It was sealed for another place.
    }
  }
  return opened as T;
}
