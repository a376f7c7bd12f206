import { claimDecider, type ClaimEvent } from '../../src/aggregates/claim.ts';
import { NOW, given } from '../support/given.ts';

const claimedBy = (holder: string): ClaimEvent => ({ type: 'ValueClaimed', data: { holder, at: NOW } });
const releasedBy = (holder: string): ClaimEvent => ({ type: 'ClaimReleased', data: { holder } });

describe('claim', () => {
  it('has one holder', () => {
    given(claimDecider)
      .when({ type: 'ClaimValue', data: { holder: 'ann', turn: 0 } })
      .then(claimedBy('ann'));
    for (const turn of [0, 1]) {
      given(claimDecider, claimedBy('ann'))
        .when({ type: 'ClaimValue', data: { holder: 'ben', turn } })
        .thenRefused('ValueTaken');
    }
  });

  it('is claimed again by its holder, which begins another turn', () => {
    given(claimDecider, claimedBy('ann'))
      .when({ type: 'ClaimValue', data: { holder: 'ann', turn: 1 } })
      .then(claimedBy('ann'));
    given(claimDecider, claimedBy('ann'), claimedBy('ann'))
      .when({ type: 'ClaimValue', data: { holder: 'ann', turn: 1 } })
      .thenRefused('ValueTaken');
  });

  it('is free for another once it was given back', () => {
    given(claimDecider, claimedBy('ann'), releasedBy('ann'))
      .when({ type: 'ClaimValue', data: { holder: 'ben', turn: 1 } })
      .then(claimedBy('ben'));
  });

  it('is taken over only from the holder that was found not to use it, and only in the turn that was found', () => {
    const takeOver = { type: 'ClaimValue', data: { holder: 'ben', turn: 1, abandoned: 'ann' } } as const;
    given(claimDecider, claimedBy('ann')).when(takeOver).then(releasedBy('ann'), claimedBy('ben'));
    given(claimDecider, claimedBy('cleo')).when(takeOver).thenRefused('ValueTaken');
    given(claimDecider, claimedBy('ann'), claimedBy('ann')).when(takeOver).thenRefused('ValueTaken');
  });

  it('is given back by its holder alone, and in no later turn', () => {
    given(claimDecider, claimedBy('ann'))
      .when({ type: 'ReleaseClaim', data: { holder: 'ann', turn: 1 } })
      .then(releasedBy('ann'));
    given(claimDecider, claimedBy('ann'))
      .when({ type: 'ReleaseClaim', data: { holder: 'ben', turn: 1 } })
      .thenNothing();
    given(claimDecider, claimedBy('ann'), claimedBy('ann'))
      .when({ type: 'ReleaseClaim', data: { holder: 'ann', turn: 1 } })
      .thenNothing();
    given(claimDecider, claimedBy('ann'), releasedBy('ann'))
      .when({ type: 'ReleaseClaim', data: { holder: 'ann', turn: 1 } })
      .thenNothing();
  });
});
