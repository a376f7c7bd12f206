import { createMemoryEventStore } from '../support/memoryStore.ts';
import { eventStoreContract } from '../eventstore/contract.ts';

eventStoreContract(
  'in memory',
  () => {
    const store = createMemoryEventStore();
    return Promise.resolve({ open: () => Promise.resolve(store), remove: () => store.close() });
  },
  { contiguous: true, shared: false },
);
