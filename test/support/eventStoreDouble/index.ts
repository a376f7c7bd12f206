export { startEventStoreDouble, type DoubleOptions, type EventStoreDouble } from './server.ts';
export { spawnEventStoreDouble, type EventStoreDoubleProcess } from './process.ts';
