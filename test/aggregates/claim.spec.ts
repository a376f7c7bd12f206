import { claimDecider, type ClaimEvent } from '../../src/aggregates/claim.ts';
import { NOW, given } from '../support/given.ts';

const claimedBy = (holder: string): ClaimEvent => ({ type: 'ValueClaimed', data: { holder, at: NOW } });
const releasedBy = (holder: string): ClaimEvent => ({ type: 'ClaimReleased', data: { holder } });

describe('claim', () => {
  it('has one holder', () => {
    given(claimDecider)
      .when({ type: 'ClaimValue', data: { holder: 'ann' } })
      .then(claimedBy('ann'));
    given(claimDecider, claimedBy('ann'))
      .when({ type: 'ClaimValue', data: { holder: 'ann' } })
      .thenNothing();
    given(claimDecider, claimedBy('ann'))
      .when({ type: 'ClaimValue', data: { holder: 'ben' } })
      .thenRefused('ValueTaken');
  });

  it('is free for another once it was given back', () => {
    given(claimDecider, claimedBy('ann'), releasedBy('ann'))
      .when({ type: 'ClaimValue', data: { holder: 'ben' } })
      .then(claimedBy('ben'));
  });

  it('is taken over only from a holder whose registration was abandoned', () => {
    given(claimDecider, claimedBy('ann'))
      .when({ type: 'ClaimValue', data: { holder: 'ben', abandoned: 'ann' } })
      .then(releasedBy('ann'), claimedBy('ben'));
    given(claimDecider, claimedBy('cleo'))
      .when({ type: 'ClaimValue', data: { holder: 'ben', abandoned: 'ann' } })
      .thenRefused('ValueTaken');
  });

  it('is given back by its holder alone', () => {
    given(claimDecider, claimedBy('ann'))
      .when({ type: 'ReleaseClaim', data: { holder: 'ann' } })
      .then(releasedBy('ann'));
    given(claimDecider, claimedBy('ann'))
      .when({ type: 'ReleaseClaim', data: { holder: 'ben' } })
      .thenNothing();
    given(claimDecider, claimedBy('ann'), releasedBy('ann'))
      .when({ type: 'ReleaseClaim', data: { holder: 'ann' } })
      .thenNothing();
  });
});
