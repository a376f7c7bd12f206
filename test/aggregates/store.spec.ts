import type { Picture } from '../../src/aggregates/picture.ts';
import {
  storeDecider,
  type StoreLogoChanged,
  type StoreOpened,
  type StoreRestored,
  type StoreSuspended,
} from '../../src/aggregates/store.ts';
import { given } from '../support/given.ts';
import { picture } from '../support/pictures.ts';

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

  it('names the logo that another one replaces, or that is removed', () => {
    const [first, second] = [picture('first'), picture('second')];
    const changed = (logo: Picture, replaced: string | null): StoreLogoChanged => ({
      type: 'StoreLogoChanged',
      data: { logo, replaced },
    });
    const change = (logo: Picture) => ({ type: 'ChangeStoreLogo', data: { by: 'ben', logo } }) as const;
    const remove = { type: 'RemoveStoreLogo', data: { by: 'ben' } } as const;
    const removed = { type: 'StoreLogoRemoved', data: { replaced: 'second' } } as const;
    given(storeDecider, opened).when(change(first)).then(changed(first, null));
    given(storeDecider, opened, changed(first, null)).when(change(second)).then(changed(second, 'first'));
    given(storeDecider, opened, changed(second, 'first')).when(remove).then(removed);
    given(storeDecider, opened, changed(second, null), removed).when(change(first)).then(changed(first, null));
    given(storeDecider, opened).when(remove).thenNothing();
  });

  it('is not there for anybody else', () => {
    const update = { type: 'UpdateStore', data: { by: 'cleo', name: 'Cleo’s' } } as const;
    given(storeDecider, opened).when(update).thenRefused('StoreUnknown');
    given(storeDecider).when(update).thenRefused('StoreUnknown');
    const logo = { type: 'ChangeStoreLogo', data: { by: 'cleo', logo: picture('theirs') } } as const;
    given(storeDecider, opened).when(logo).thenRefused('StoreUnknown');
    given(storeDecider, opened)
      .when({ type: 'RemoveStoreLogo', data: { by: 'cleo' } })
      .thenRefused('StoreUnknown');
  });
});
