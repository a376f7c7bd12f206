import { existsSync } from 'node:fs';
import path from 'node:path';
import { ROOT } from '../support/process.ts';
import { allYamlOf, read, yamlOf, type Tree } from './files.ts';

/** The fields of kustomize that this program understands. Any other field is a fault, because it would have no effect here. */
const FIELDS = new Set([
  'apiVersion',
  'kind',
  'namespace',
  'resources',
  'images',
  'configMapGenerator',
  'secretGenerator',
  'patches',
]);

const found = (objects: readonly Tree[], kind: string, name: string): Tree => {
  const matches = objects.filter((object) => object.kind === kind && object.metadata.name === name);
  if (matches.length !== 1) throw new Error(`${matches.length} of ${kind} ${name}`);
  return matches[0];
};

const entriesOf = (folder: string, { literals = [], files = [] }: Tree): [string, string][] => [
  ...(literals as string[]).map((literal): [string, string] => [
    literal.slice(0, literal.indexOf('=')),
    literal.slice(literal.indexOf('=') + 1),
  ]),
  ...(files as string[]).map((file): [string, string] => [path.basename(file), read(path.join(folder, file))]),
];

function generate(objects: Tree[], folder: string, kind: string, generator: Tree): void {
  const { name, behavior = 'create' } = generator;
  const field = kind === 'Secret' ? 'stringData' : 'data';
  const entries = Object.fromEntries(entriesOf(folder, generator));
  if (behavior === 'merge') Object.assign(found(objects, kind, name)[field], entries);
  else objects.push({ apiVersion: 'v1', kind, metadata: { name }, [field]: entries });
}

/** Applies one operation of a JSON patch (RFC 6902). Its path must exist. */
function apply(object: Tree, { op, path: pointer, value }: Tree): void {
  const parts = (pointer as string).split('/').slice(1);
  const last = parts.pop() ?? '';
  const parent = parts.reduce<Tree>((at, part) => at?.[part], object);
  const there = Array.isArray(parent) ? last === '-' || Number(last) < parent.length : last in Object(parent);
  if (parent === undefined || (op === 'replace' && !there)) throw new Error(`nothing at ${pointer}`);
  if (op === 'add' && Array.isArray(parent)) parent.splice(last === '-' ? parent.length : Number(last), 0, value);
  else if (op === 'add' || op === 'replace') parent[last] = value;
  else throw new Error(`the operation ${op} is not known here`);
}

const containersOf = (object: Tree): Tree[] => object.spec?.template?.spec?.containers ?? [];

function setImages(objects: readonly Tree[], images: readonly Tree[]): void {
  for (const container of objects.flatMap(containersOf)) {
    const change = images.find(({ name }) => name === container.image);
    if (change !== undefined) container.image = `${change.newName ?? change.name}:${change.newTag}`;
  }
}

/** The output of `kustomize build` for a folder, without the hashes at the end of generated names. */
export function build(folder: string): Tree[] {
  const file = path.join(folder, 'kustomization.yaml');
  const kustomization = yamlOf(read(file), file);
  const unread = Object.keys(kustomization).filter((field) => !FIELDS.has(field));
  if (unread.length > 0) throw new Error(`${file}: ${unread.join(', ')} is not known here`);
  const objects = (kustomization.resources as string[]).flatMap((resource) => {
    const at = path.join(folder, resource);
    if (!existsSync(path.join(ROOT, at))) throw new Error(`${file}: ${at} does not exist`);
    return at.endsWith('.yaml') ? allYamlOf(read(at), at) : build(at);
  });
  for (const one of kustomization.configMapGenerator ?? []) generate(objects, folder, 'ConfigMap', one);
  for (const one of kustomization.secretGenerator ?? []) generate(objects, folder, 'Secret', one);
  setImages(objects, kustomization.images ?? []);
  for (const { target, patch } of kustomization.patches ?? []) {
    const object = found(objects, target.kind, target.name);
    for (const operation of yamlOf(patch, file) as Tree[]) apply(object, operation);
  }
  if (kustomization.namespace !== undefined) {
    const isNamespaced = (object: Tree): boolean => object.kind !== 'Namespace';
    for (const object of objects.filter(isNamespaced)) object.metadata.namespace = kustomization.namespace;
  }
  return objects;
}
