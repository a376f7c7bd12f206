import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import ts from 'typescript';
import { CODES, ProblemError, problemOf, Refusal, type Code, type Problem, type RefusalKind } from './shop.ts';

const SRC = path.resolve(import.meta.dirname, '../../../src');
/** A refusal of the command line or of a handler becomes no HTTP answer. */
const OUTSIDE = ['cli/', 'handlers/'];
/** The file that declares the refusing functions. It refuses nothing itself. */
const DECLARATIONS = ['errors.ts'];

/** The kind that each function of `src/errors.ts` refuses with. */
const KIND_OF: Readonly<Record<string, RefusalKind>> = {
  reject: 'rejected',
  missing: 'notFound',
  unauthenticated: 'unauthenticated',
  forbid: 'forbidden',
  unavailable: 'unavailable',
};

export interface Rule {
  readonly rule: string;
  readonly status: number;
  readonly code: string;
  /** The message to the caller, with `…` for variable parts. */
  readonly sentences: readonly string[];
}

interface Source {
  readonly file: string;
  readonly tree: ts.SourceFile;
}

/** Files that may refuse something. The others are not parsed, to save time. */
const sources = (): Source[] =>
  readdirSync(SRC, { recursive: true, encoding: 'utf8' })
    .map((file) => file.split(path.sep).join('/'))
    .filter((file) => file.endsWith('.ts'))
    .filter((file) => !OUTSIDE.some((folder) => file.startsWith(folder)) && !DECLARATIONS.includes(file))
    .map((file) => ({ file, text: readFileSync(path.join(SRC, file), 'utf8') }))
    .filter(({ file, text }) => /(errors|problem)\.ts'/.test(text) || isProblem(file))
    .sort((a, b) => (a.file < b.file ? -1 : 1))
    .map(({ file, text }) => ({ file, tree: ts.createSourceFile(file, text, ts.ScriptTarget.ESNext, true) }));

const isProblem = (file: string): boolean => file.endsWith('/problem.ts');

function visit(node: ts.Node, look: (node: ts.Node) => void): void {
  look(node);
  ts.forEachChild(node, (child) => visit(child, look));
}

/** Names that a file imports from the modules of refusals or problems. Any other `reject` belongs to a promise. */
function importedNames({ tree }: Source): Set<string> {
  const names = new Set<string>();
  for (const statement of tree.statements) {
    if (!ts.isImportDeclaration(statement) || !ts.isStringLiteral(statement.moduleSpecifier)) continue;
    if (!/\/(errors|problem)\.ts$/.test(statement.moduleSpecifier.text)) continue;
    const bindings = statement.importClause?.namedBindings;
    if (bindings === undefined || !ts.isNamedImports(bindings)) continue;
    for (const { name } of bindings.elements) names.add(name.text);
  }
  return names;
}

const fail = (node: ts.Node, what: string): never => {
  const tree = node.getSourceFile();
  const { line } = tree.getLineAndCharacterOfPosition(node.getStart());
  throw new Error(`src/${tree.fileName}:${line + 1}: the reference cannot read ${what}: write it as a literal.`);
};

/** Every text that an expression can become. */
function texts(node: ts.Expression): string[] {
  if (ts.isStringLiteralLike(node)) return [node.text];
  if (ts.isTemplateExpression(node)) {
    return [node.head.text + node.templateSpans.map(({ literal }) => `…${literal.text}`).join('')];
  }
  if (ts.isConditionalExpression(node)) return [...texts(node.whenTrue), ...texts(node.whenFalse)];
  return ['…'];
}

const literal = (node: ts.Expression | undefined, at: ts.Node, what: string): string =>
  node !== undefined && ts.isStringLiteralLike(node) ? node.text : fail(at, what);

/** Constants by their name, in all files: `const INVALID_STATUS = { code: 'INVALID_STATUS' }`. */
function constants(all: readonly Source[]): Map<string, ts.Expression> {
  const found = new Map<string, ts.Expression>();
  for (const { tree } of all) {
    visit(tree, (node) => {
      if (!ts.isVariableDeclaration(node) || !ts.isIdentifier(node.name) || node.initializer === undefined) return;
      const value = ts.isAsExpression(node.initializer) ? node.initializer.expression : node.initializer;
      if (ts.isObjectLiteralExpression(value) || ts.isStringLiteralLike(value)) found.set(node.name.text, value);
    });
  }
  return found;
}

/** The code in the last argument of a refusal, `{ code: 'EMPTY_CART' }`, when it has one. */
function codeIn(more: ts.Expression | undefined, known: ReadonlyMap<string, ts.Expression>): string | undefined {
  if (more === undefined) return undefined;
  if (ts.isIdentifier(more)) return codeIn(known.get(more.text) ?? fail(more, more.text), known);
  if (!ts.isObjectLiteralExpression(more)) return fail(more, 'what a refusal bears');
  for (const property of more.properties) {
    if (property.name?.getText() !== 'code') continue;
    const value = ts.isPropertyAssignment(property) ? property.initializer : known.get('code');
    return literal(value, property, 'the code of a refusal');
  }
  return undefined;
}

interface Refused {
  readonly problem: Problem;
  readonly sentences: readonly string[];
}

function refusal(kind: RefusalKind, args: readonly ts.Expression[], code: string | undefined, at: ts.Node): Refused {
  const rule = literal(args[0], at, 'the rule');
  const sentences = args[1] === undefined ? [] : texts(args[1]);
  const error = new Refusal(kind, rule, sentences.join(' '), code === undefined ? {} : { code });
  return { problem: problemOf(error), sentences };
}

/** `invalid(field, message, code)`: its rule is the same for every field, so its message is left out. */
function invalidField([, , code]: readonly ts.Expression[]): Refused {
  const given = code !== undefined && ts.isStringLiteralLike(code) ? code.text : 'VALIDATION_ERROR';
  return { problem: problemOf(new Refusal('invalid', 'InvalidInput', '', { code: given })), sentences: [] };
}

/** The refusal that a call or `new` makes; undefined for any other expression. */
function refusedBy(
  node: ts.Node,
  names: ReadonlySet<string>,
  known: ReadonlyMap<string, ts.Expression>,
): Refused | undefined {
  if (!ts.isCallExpression(node) && !ts.isNewExpression(node)) return undefined;
  if (!ts.isIdentifier(node.expression) || !names.has(node.expression.text)) return undefined;
  const name = node.expression.text;
  const args = node.arguments ?? ts.factory.createNodeArray();
  const kind = KIND_OF[name];
  if (kind !== undefined) return refusal(kind, args, name === 'reject' ? codeIn(args[2], known) : undefined, node);
  if (name === 'invalid') return invalidField(args);
  if (name === 'Refusal') {
    const given = literal(args[0], node, 'the kind') as RefusalKind;
    return refusal(given, args.slice(1), codeIn(args[3], known), node);
  }
  if (name !== 'ProblemError') return undefined;
  const code = literal(args[0], node, 'the code') as Code;
  const sentences = args[2] === undefined ? [] : texts(args[2]);
  const rule = literal(args[1], node, 'the rule');
  return { problem: new ProblemError(code, rule, sentences.join(' ')).problem, sentences };
}

const codeOf = ({ errors, title }: Problem): string =>
  errors[0]?.code ?? Object.entries(CODES).find(([, one]) => one.title === title)![0];

/** The rules that a caller can break, each once, in the order of their names. */
export function rules(): Rule[] {
  const all = sources();
  const known = constants(all);
  const found = new Map<string, Rule>();
  const add = ({ problem, sentences }: Refused): void => {
    const code = codeOf(problem);
    const key = `${problem.rule} ${code}`;
    const told = [...(found.get(key)?.sentences ?? []), ...sentences];
    found.set(key, { rule: problem.rule, status: problem.status, code, sentences: [...new Set(told)] });
  };
  for (const source of all) {
    const names = new Set([...importedNames(source), ...(isProblem(source.file) ? ['ProblemError'] : [])]);
    if (names.size === 0) continue;
    visit(source.tree, (node) => {
      const refused = refusedBy(node, names, known);
      if (refused !== undefined) add(refused);
    });
  }
  return [...found.values()].sort((a, b) => (`${a.rule} ${a.code}` < `${b.rule} ${b.code}` ? -1 : 1));
}

/** The comment that follows each member of a union of texts: `| 'stale' // the caller pinned …`. */
export function kinds(): { kind: RefusalKind; meaning: string }[] {
  const file = path.join(SRC, 'errors.ts');
  const text = readFileSync(file, 'utf8');
  const tree = ts.createSourceFile(file, text, ts.ScriptTarget.ESNext, true);
  const declared = tree.statements.find(
    (node): node is ts.TypeAliasDeclaration => ts.isTypeAliasDeclaration(node) && node.name.text === 'RefusalKind',
  );
  if (declared === undefined || !ts.isUnionTypeNode(declared.type)) throw new Error('errors.ts has no RefusalKind.');
  const members = declared.type.types;
  return members.map((member, index) => {
    const end = index === members.length - 1 ? declared.end : member.end;
    const [comment] = ts.getTrailingCommentRanges(text, end) ?? [];
    if (comment === undefined) throw new Error(`errors.ts does not say what ${member.getText()} means.`);
    const kind = member.getText().replaceAll("'", '') as RefusalKind;
    return { kind, meaning: text.slice(comment.pos, comment.end).replace(/^\/\/\s*/, '') };
  });
}
