import type { Services } from '../../src/commands/contract.ts';

export const unused = (name: string): never => {
  throw new Error(`${name} is not part of a shop in memory`);
};

export const noBackground: Services['background'] = { run: () => unused('background') };
export const noTokens: Services['tokens'] = {
  issue: () => unused('issue'),
  refresh: () => unused('refresh'),
  parseRefresh: () => unused('parseRefresh'),
  isDerived: () => unused('isDerived'),
  linkHash: () => unused('linkHash'),
  linkToken: () => unused('linkToken'),
  parseLink: () => unused('parseLink'),
  challenge: () => unused('challenge'),
  parseChallenge: () => unused('parseChallenge'),
  pass: () => unused('pass'),
  parsePass: () => unused('parsePass'),
  sessionTtlMs: 0,
};
export const noPictures: Services['pictures'] = {
  keep: () => unused('pictures'),
  discard: () => unused('pictures'),
  release: () => unused('pictures'),
};
export const noOperations: Services['operations'] = {
  projections: () => unused('projections'),
  deadLetter: () => unused('deadLetter'),
  takeRebuildTurn: () => unused('takeRebuildTurn'),
  deadLetterMustBeDead: () => unused('deadLetterMustBeDead'),
  askDeadLetter: () => unused('askDeadLetter'),
};
