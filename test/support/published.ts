import { Ajv, type ValidateFunction } from 'ajv';
import formats from 'ajv-formats';

/** A message as a consumer has it. */
export interface PublishedMessage {
  readonly subject: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly payload: object;
}

interface Schema {
  readonly [keyword: string]: unknown;
  readonly properties?: Readonly<Record<string, Schema>>;
}
interface Document {
  readonly channels: Readonly<Record<string, { readonly address: string }>>;
  readonly components: {
    readonly messages: Readonly<Record<string, object>>;
    readonly schemas: Record<string, Schema>;
  };
}

/** The schemas, changed to refuse fields that they do not name. */
function closed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(closed);
  if (typeof value !== 'object' || value === null) return value;
  const parts = Object.fromEntries(Object.entries(value).map(([name, part]) => [name, closed(part)]));
  return 'properties' in value && !('additionalProperties' in value)
    ? { ...parts, additionalProperties: false }
    : parts;
}

/**
 * Judges messages by the AsyncAPI document: returns what disagrees with it. It is stricter than the document's schemas, which let later
 * versions add fields: a field that they do not name is a fault.
 */
export function judgeMessages(document: object): (message: PublishedMessage) => string[] {
  const { channels, components } = document as Document;
  const ajv = new Ajv({ strict: false, allErrors: true });
  (formats as unknown as (of: Ajv) => void)(ajv);
  const { CloudEvent, Headers, ...data } = components.schemas;
  // The envelope stays open for the message's own part of it; its names are compared here.
  const schemas = { CloudEvent, Headers, ...(closed(data) as object) };
  ajv.addSchema({ $id: 'asyncapi.json', components: { ...components, schemas } });
  const checks = new Map<string, ValidateFunction>();
  const check = (pointer: string, value: unknown): string[] => {
    const made = checks.get(pointer) ?? ajv.compile({ $ref: `asyncapi.json#/components/${pointer}` });
    checks.set(pointer, made);
    return made(value) ? [] : [ajv.errorsText(made.errors)];
  };
  const known = new Set(Object.keys(CloudEvent?.properties ?? {}));
  const addresses = new Map(
    Object.entries(channels).map(([type, { address }]) => [address.replace(/^[^.]+/, ''), type]),
  );

  return ({ subject, headers, payload }) => {
    const type = addresses.get(subject.slice(subject.indexOf('.')));
    if (type === undefined) return [`${subject} is no channel`];
    const name = `${type}.v${String((payload as { schemaversion?: unknown }).schemaversion)}`;
    if (components.messages[name] === undefined) return [`${name} is no message`];
    const strangers = Object.keys(payload).filter((field) => !known.has(field));
    return [
      ...strangers.map((field) => `has ${field}, which is not documented`),
      ...check(`messages/${name}/payload`, payload),
      ...check('schemas/Headers', headers),
    ].map((fault) => `${name} on ${subject}: ${fault}`);
  };
}
