import { createMemoryEventStore, SPARSE } from '../support/memoryStore.ts';
import { eventStoreContract } from './contract.ts';

for (const stride of [1n, SPARSE]) {
  eventStoreContract(
    stride === 1n ? 'in memory' : 'in memory, with positions that do not count events',
    () => {
      const store = createMemoryEventStore({ stride });
      return Promise.resolve({ open: () => Promise.resolve(store), remove: () => store.close() });
    },
    { contiguous: stride === 1n, shared: false, idsUniqueInLog: true },
  );
}
