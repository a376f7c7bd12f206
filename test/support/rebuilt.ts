import { expect } from 'chai';
import { projectionNames } from '../../src/projections/index.ts';
import type { runCartulary } from './process.ts';

/**
 * Checks what `rebuild --all --json` came to: every read model was rebuilt and did not differ from the log. Orders that are still on
 * their way into the live tables are no difference.
 */
export function mustBeRebuilt({ code, answer, output }: Awaited<ReturnType<typeof runCartulary>>): void {
  expect(code, output).to.equal(0);
  const results = answer
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  expect(
    results.map(({ projection, differences, parked }) => ({ projection, differences, parked })),
    output,
  ).to.deep.equal(projectionNames.map((projection) => ({ projection, differences: 0, parked: 0 })));
}
