export { startEventStoreDouble, type EventStoreDouble } from './server.ts';
export { spawnEventStoreDouble, type EventStoreDoubleProcess } from './process.ts';
