import { administrationDecider } from '../../src/aggregates/administration.ts';
import { asSealed } from '../support/personalData.ts';
import { sample } from './sample.ts';

const letter = { deadLetterId: 'l1', consumer: 'projection:orders', eventId: 'e1' };
const ACTED_AGAIN = 'every act is recorded; that it is the same command is known by its id';

export const administrationSample = sample(
  administrationDecider,
  {
    RebuildRequested: { projection: 'orders', reason: asSealed('r') },
    DeadLetterRetried: { ...letter, reason: null },
    DeadLetterSkipped: { ...letter, reason: asSealed('s') },
  },
  {
    RequestRebuild: { data: { projection: 'orders', reason: null }, again: ACTED_AGAIN },
    RetryDeadLetter: { data: { ...letter, reason: null }, again: ACTED_AGAIN },
    SkipDeadLetter: { data: { ...letter, reason: asSealed('s') }, again: ACTED_AGAIN },
  },
);
