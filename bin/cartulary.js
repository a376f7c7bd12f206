#!/usr/bin/env node
// What npm links at an install, when nothing is built yet.
import { existsSync } from 'node:fs';

const program = new URL('../dist/src/cli/cartulary.js', import.meta.url);
if (existsSync(program)) await import(program.href);
else {
  console.error('cartulary: not built yet; run "npm run build" (npm start does it, too)');
  process.exitCode = 1;
}
