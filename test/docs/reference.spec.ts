import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect } from 'chai';
import { problemRulesText, RULES_FILE } from '../support/problemRules.ts';
import { eventSchemas } from '../support/eventSchemas.ts';
import { eventTypesText, TYPES_FILE } from '../support/eventTypes.ts';
import { PAGES, REFERENCE } from '../support/reference/index.ts';

describe('the reference', () => {
  it('has every rule in src/http/pages/rules.ts (`npm run docs` brings it up to date)', async () => {
    expect(readFileSync(RULES_FILE, 'utf8')).to.equal(await problemRulesText());
  });

  it('has every type of event in src/aggregates/eventTypes.ts (`npm run docs` brings it up to date)', async () => {
    expect(readFileSync(TYPES_FILE, 'utf8')).to.equal(await eventTypesText(eventSchemas()));
  });

  for (const [name, make] of Object.entries(PAGES)) {
    it(`says in ${name} what the code says (\`npm run docs\` brings it up to date)`, async () => {
      expect(readFileSync(path.join(REFERENCE, name), 'utf8')).to.equal(await make());
    });
  }
});
