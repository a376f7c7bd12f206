import { storeDecider, type StoreOpened, type StoreRestored, type StoreSuspended } from '../../src/aggregates/store.ts';
import { given } from '../support/given.ts';

const opened: StoreOpened = { type: 'StoreOpened', data: { ownerId: 'ben', name: 'Ben’s', description: 'Tea' } };

describe('store', () => {
  it('opens once', () => {
    given(storeDecider).when({ type: 'OpenStore', data: opened.data }).then(opened);
    given(storeDecider, opened).when({ type: 'OpenStore', data: opened.data }).thenRefused('StoreExists');
  });

  it('is changed by its owner', () => {
    given(storeDecider, opened)
      .when({ type: 'UpdateStore', data: { by: 'ben', name: 'Ben’s Teas' } })
      .then({ type: 'StoreUpdated', data: { name: 'Ben’s Teas' } });
    given(storeDecider, opened)
      .when({ type: 'UpdateStore', data: { by: 'ben', description: '' } })
      .then({ type: 'StoreUpdated', data: { description: '' } });
  });

  it('that is as wished already does not change', () => {
    given(storeDecider, opened)
      .when({ type: 'UpdateStore', data: { by: 'ben', name: 'Ben’s', description: 'Tea' } })
      .thenNothing();
    given(storeDecider, opened)
      .when({ type: 'UpdateStore', data: { by: 'ben' } })
      .thenNothing();
  });

  it('is suspended for a reason, and restored, each once', () => {
    const suspend = { type: 'SuspendStore', data: { reason: 'fake goods' } } as const;
    const restore = { type: 'RestoreStore', data: { reason: null } } as const;
    const suspended: StoreSuspended = { type: 'StoreSuspended', data: suspend.data };
    const restored: StoreRestored = { type: 'StoreRestored', data: restore.data };
    given(storeDecider, opened).when(suspend).then(suspended);
    given(storeDecider, opened, suspended).when(suspend).thenNothing();
    given(storeDecider, opened, suspended).when(restore).then(restored);
    given(storeDecider, opened).when(restore).thenNothing();
    given(storeDecider, opened, suspended, restored).when(suspend).then(suspended);
    for (const command of [suspend, restore]) given(storeDecider).when(command).thenRefused('StoreUnknown');
  });

  it('that is suspended is still changed by its owner', () => {
    given(storeDecider, opened, { type: 'StoreSuspended', data: { reason: 'fake goods' } })
      .when({ type: 'UpdateStore', data: { by: 'ben', name: 'Ben’s Teas' } })
      .then({ type: 'StoreUpdated', data: { name: 'Ben’s Teas' } });
  });

  it('is not there for anybody else', () => {
    const update = { type: 'UpdateStore', data: { by: 'cleo', name: 'Cleo’s' } } as const;
    given(storeDecider, opened).when(update).thenRefused('StoreUnknown');
    given(storeDecider).when(update).thenRefused('StoreUnknown');
  });
});
