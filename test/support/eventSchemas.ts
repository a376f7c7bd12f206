import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import ts from 'typescript';

/** The part of JSON Schema (draft-07) that the data of events needs. */
export interface Schema {
  readonly type?: string | readonly string[];
  readonly description?: string;
  readonly enum?: readonly (string | number | boolean | null)[];
  readonly anyOf?: readonly Schema[];
  readonly items?: Schema;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
}

export interface EventSchema {
  readonly type: string;
  readonly category: string;
  readonly description: string;
  readonly data: Schema;
}

const ROOT = path.resolve(import.meta.dirname, '../..');
const AGGREGATES = path.join(ROOT, 'src/aggregates');
const SEALED = /\bSealed/;
export const SEALED_TEXT =
  'Personal data, sealed under the key of a person. It opens only in this field of this stream’s events.';

function programOf(files: readonly string[]): ts.Program {
  const { config } = ts.readConfigFile(path.join(ROOT, 'tsconfig.json'), (file) => readFileSync(file, 'utf8')) as {
    config: unknown;
  };
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, ROOT);
  return ts.createProgram([...files], { ...options, noEmit: true });
}

const textOf = (symbol: ts.Symbol, checker: ts.TypeChecker): string =>
  ts.displayPartsToString(symbol.getDocumentationComment(checker)).trim();

const literal = (type: ts.Type, checker: ts.TypeChecker): string | number | boolean =>
  type.isStringLiteral() || type.isNumberLiteral() ? type.value : checker.typeToString(type) === 'true';

/** Makes one `enum` of a union's literal values. Other members of the union become alternatives. */
function unionSchema(types: readonly ts.Type[], checker: ts.TypeChecker): Schema {
  const isValue = (type: ts.Type): boolean =>
    type.isStringLiteral() || type.isNumberLiteral() || (type.flags & ts.TypeFlags.BooleanLiteral) !== 0;
  const isNull = (type: ts.Type): boolean => (type.flags & ts.TypeFlags.Null) !== 0;
  const values = types.filter(isValue).map((type) => literal(type, checker));
  const bool = values.includes(true) && values.includes(false);
  const others = types.filter((type) => !isValue(type) && !isNull(type)).map((type) => schemaOfType(type, checker));
  const schemas: Schema[] = [
    ...(bool ? [{ type: 'boolean' }] : []),
    ...(values.length > 0 && !bool ? [{ enum: [...values].sort() }] : []),
    ...others,
    ...(types.some(isNull) ? [{ type: 'null' }] : []),
  ];
  return schemas.length === 1 ? schemas[0]! : { anyOf: schemas };
}

const SEALED_OR_OWN = /\bSealedOrOwn\b/;
export const SEALED_OR_OWN_TEXT =
  'A text of the shop itself, or one that a person typed: that one is sealed, and opens only in this field of this stream’s events.';

function descriptionOf(property: ts.Symbol, checker: ts.TypeChecker): string {
  const { valueDeclaration: declared } = property;
  const sealed = declared !== undefined && ts.isPropertySignature(declared) && SEALED.test(declared.type!.getText());
  const own = sealed && SEALED_OR_OWN.test(declared.type!.getText());
  return [textOf(property, checker), ...(sealed ? [own ? SEALED_OR_OWN_TEXT : SEALED_TEXT] : [])]
    .filter((text) => text !== '')
    .join(' ');
}

function propertySchema(property: ts.Symbol, optional: boolean, checker: ts.TypeChecker): Schema {
  const type = checker.getTypeOfSymbol(property);
  const parts = type.isUnion() ? type.types : [type];
  // `required` already says that the field may be missing.
  const given = optional ? parts.filter(({ flags }) => (flags & ts.TypeFlags.Undefined) === 0) : parts;
  const schema = given.length === 1 ? schemaOfType(given[0]!, checker) : unionSchema(given, checker);
  const description = descriptionOf(property, checker);
  return description === '' ? schema : { description, ...schema };
}

function objectSchema(type: ts.Type, checker: ts.TypeChecker): Schema {
  const properties: Record<string, Schema> = {};
  const required: string[] = [];
  for (const property of checker.getPropertiesOfType(type)) {
    const optional = (property.flags & ts.SymbolFlags.Optional) !== 0;
    properties[property.name] = propertySchema(property, optional, checker);
    if (!optional) required.push(property.name);
  }
  return { type: 'object', properties, ...(required.length > 0 ? { required } : {}) };
}

/** Also a text with a brand, such as `Sealed`. */
const isString = (type: ts.Type): boolean =>
  (type.isIntersection() ? type.types : [type]).some(({ flags }) => (flags & ts.TypeFlags.String) !== 0);

/** Throws for types that no event may contain: functions, dates, bigints, `unknown`. */
function schemaOfType(type: ts.Type, checker: ts.TypeChecker): Schema {
  if (type.isUnion()) return unionSchema(type.types, checker);
  if (type.isStringLiteral() || type.isNumberLiteral()) return { enum: [type.value] };
  if (isString(type)) return { type: 'string' };
  if ((type.flags & ts.TypeFlags.Number) !== 0) return { type: 'number' };
  if ((type.flags & ts.TypeFlags.BooleanLike) !== 0) return { type: 'boolean' };
  if ((type.flags & ts.TypeFlags.NonPrimitive) !== 0) return { type: 'object', properties: {} };
  if (checker.isArrayType(type)) {
    return { type: 'array', items: schemaOfType(checker.getTypeArguments(type as ts.TypeReference)[0]!, checker) };
  }
  const isObject = (type.flags & (ts.TypeFlags.Object | ts.TypeFlags.Intersection)) !== 0;
  const plain = isObject && type.getCallSignatures().length === 0;
  if (!plain || checker.getIndexInfosOfType(type).length > 0) {
    throw new Error(`No event may hold a ${checker.typeToString(type)}: its schema could not say what it is.`);
  }
  return objectSchema(type, checker);
}

function eventSchema(event: ts.Type, category: string, checker: ts.TypeChecker): EventSchema {
  const member = (name: string): ts.Type => checker.getTypeOfSymbol(checker.getPropertyOfType(event, name)!);
  const name = member('type');
  if (!name.isStringLiteral()) throw new Error(`An event of ${category} has no name of its own.`);
  const description = event.aliasSymbol === undefined ? '' : textOf(event.aliasSymbol, checker);
  return { type: name.value, category, description, data: schemaOfType(member('data'), checker) };
}

/** Category and events of one exported decider, from its declared type `Decider<State, Command, Event>`. */
function deciderSchemas(declaration: ts.VariableDeclaration, checker: ts.TypeChecker): EventSchema[] {
  const reference = declaration.type as ts.TypeReferenceNode;
  const events = checker.getTypeFromTypeNode(reference.typeArguments![2]!);
  const fields = (declaration.initializer as ts.ObjectLiteralExpression).properties;
  const category = fields.find((field) => field.name?.getText() === 'category') as ts.PropertyAssignment;
  const { text } = category.initializer as ts.StringLiteral;
  return (events.isUnion() ? events.types : [events]).map((event) => eventSchema(event, text, checker));
}

/** The schema of every event that an aggregate can record, from its TypeScript type; in the order of their names. */
export function eventSchemas(folder = AGGREGATES): EventSchema[] {
  const files = readdirSync(folder)
    .filter((name) => name.endsWith('.ts'))
    .map((name) => path.join(folder, name));
  const program = programOf(files);
  const checker = program.getTypeChecker();
  const found = files.flatMap((file) =>
    program
      .getSourceFile(file)!
      .statements.filter((statement) => ts.isVariableStatement(statement))
      .flatMap(({ declarationList }) => [...declarationList.declarations])
      .filter(({ type }) => type?.getText().startsWith('Decider<') === true)
      .flatMap((declaration) => deciderSchemas(declaration, checker)),
  );
  return found.sort((a, b) => (`${a.category}.${a.type}` < `${b.category}.${b.type}` ? -1 : 1));
}
