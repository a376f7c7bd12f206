#!/usr/bin/env node
// Here before anything is built: npx keeps its link to a package's command, or that there is none, for good.
import { existsSync } from 'node:fs';

const program = new URL('../dist/src/cli/cartulary.js', import.meta.url);
if (existsSync(program)) await import(program.href);
else {
  console.error('cartulary: not built yet; run "npm run build" (npm start does it, too)');
  process.exitCode = 1;
}
