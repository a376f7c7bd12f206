import type { EventStore } from '../../../src/eventstore/eventStore.ts';
import { createEventStoreDb } from '../../../src/eventstore/eventstoredb/eventStoreDb.ts';
import { startEventStoreDouble } from '../../support/eventStoreDouble/index.ts';
import { eventStoreContract, type Log } from '../contract.ts';

/** A log on a server that already runs and keeps its data. */
async function logAt(url: string, remove: () => Promise<void>): Promise<Log> {
  const stores: EventStore[] = [];
  return Promise.resolve({
    async open() {
      const store = await createEventStoreDb({ url });
      stores.push(store);
      return store;
    },
    async remove() {
      await Promise.all(stores.map((store) => store.close()));
      await remove();
    },
  });
}

const options = { contiguous: false, shared: true, idsUniqueInLog: false };

async function onDouble(): Promise<Log> {
  const double = await startEventStoreDouble();
  return logAt(double.url, () => double.stop());
}
eventStoreContract('in EventStoreDB (the double)', onDouble, options);

const real = process.env['EVENTSTORE_TEST_URL'];
if (real !== undefined && real !== '') {
  eventStoreContract(
    `in EventStoreDB (${real.replace(/\/\/.*@/, '//')})`,
    () => logAt(real, () => Promise.resolve()),
    options,
  );
}
