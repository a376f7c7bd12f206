import path from 'node:path';
import ts from 'typescript';
import { ROOT } from '../support/process.ts';
import type { Tree } from './files.ts';

/** The module with the types of an API group, such as `apps/v1` or `v1`. */
const moduleOf = (apiVersion: string): string => `kubernetes-models/${apiVersion}`;

/** A program with one line per object: a literal that must fit the type of its kind exactly. */
const programOf = (objects: readonly Tree[]): string =>
  objects
    .map((object, index) => {
      const type = `import('${moduleOf(object.apiVersion)}').I${object.kind}`;
      return `export const object${index}: ${type} = ${JSON.stringify(object)};`;
    })
    .join('\n');

/**
 * Faults of these objects by the types of the Kubernetes API: unknown fields, missing fields, values of another type.
 * (`kubernetes-models` also validates values, but lets unknown fields pass.)
 */
export function typeFaults(objects: readonly Tree[]): string[] {
  const file = path.join(ROOT, 'test/deploy/manifests.virtual.ts');
  const text = programOf(objects);
  const options: ts.CompilerOptions = {
    strict: true,
    noEmit: true,
    skipLibCheck: true,
    target: ts.ScriptTarget.ES2023,
    module: ts.ModuleKind.ESNext,
    moduleResolution: ts.ModuleResolutionKind.Bundler,
    types: [],
  };
  const disk = ts.createCompilerHost(options);
  const host: ts.CompilerHost = {
    ...disk,
    fileExists: (name) => name === file || disk.fileExists(name),
    readFile: (name) => (name === file ? text : disk.readFile(name)),
    getSourceFile: (name, ...rest) =>
      name === file ? ts.createSourceFile(name, text, ts.ScriptTarget.ES2023) : disk.getSourceFile(name, ...rest),
  };
  const program = ts.createProgram([file], options, host);
  return ts.getPreEmitDiagnostics(program).map(({ file: at, start = 0, messageText }) => {
    const object: Tree = at === undefined ? undefined : objects[at.getLineAndCharacterOfPosition(start).line];
    return `${object?.kind} ${object?.metadata?.name}: ${ts.flattenDiagnosticMessageText(messageText, ' ')}`;
  });
}
