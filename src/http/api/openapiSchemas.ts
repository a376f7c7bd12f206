/** A JSON Schema without TypeBox's own marks. */
export interface Schema {
  readonly [keyword: string]: unknown;
  readonly title?: string;
  readonly type?: string;
  readonly format?: string;
  readonly const?: unknown;
  readonly default?: unknown;
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly Schema[];
  readonly items?: Schema;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
}

/** Removes TypeBox's own symbols. */
export const plain = (schema: unknown): Schema => JSON.parse(JSON.stringify(schema)) as Schema;

export const schemaRef = (name: string) => ({ $ref: `#/components/schemas/${name}` });

export interface SchemaTable {
  /** The named schemas so far, by their names. */
  readonly named: Readonly<Record<string, Schema>>;
  /** The schema with a reference in place of each part that has a title; the title is its name among the components. */
  referring(schema: Schema): Schema;
  /** Keeps a schema under a name, and returns a reference to it. A schema with a title has its name from that. */
  name(name: string, schema: Schema): Schema;
}

/**
 * Collects the schemas of the specification by their names. Throws when two different schemas have one name. `overlays` adds
 * keywords to named schemas, for limits that the settings decide.
 */
export function createSchemaTable(overlays: Readonly<Record<string, Schema>> = {}): SchemaTable {
  const named: Record<string, Schema> = {};

  function keep(name: string, schema: Schema): Schema {
    const { title: _title, ...rest } = schema;
    const kept = { ...rest, ...overlays[name] };
    const text = JSON.stringify(kept);
    if (named[name] !== undefined && JSON.stringify(named[name]) !== text) {
      throw new Error(`Two schemas are named ${name}.`);
    }
    named[name] = kept;
    return schemaRef(name);
  }

  function inside(schema: Schema): Schema {
    const { properties, items, anyOf } = schema;
    return {
      ...schema,
      ...(anyOf === undefined ? {} : { anyOf: anyOf.map(referring) }),
      ...(items === undefined ? {} : { items: referring(items) }),
      ...(properties === undefined
        ? {}
        : {
            properties: Object.fromEntries(Object.entries(properties).map(([name, one]) => [name, referring(one)])),
          }),
    };
  }

  const referring = (schema: Schema): Schema =>
    schema.title === undefined ? inside(schema) : keep(schema.title, inside(schema));

  return {
    named,
    referring,
    name: (name, schema) => (schema.title === undefined ? keep(name, inside(schema)) : referring(schema)),
  };
}
