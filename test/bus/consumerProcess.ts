/**
 * A process with one bus, for tests that cut its power: `tsx consumerProcess.ts <database url> <owner> <what> [failpoint]`.
 * `what` is `record` (writes each event it is handed into the table `seen`) or `pay` (the payment handler).
 */
import { setTimeout as pause } from 'node:timers/promises';
import { pino } from 'pino';
import type { Subscription } from '../../src/bus/bus.ts';
import { createEmbeddedBus } from '../../src/bus/embedded.ts';
import { createPostgresEventStore } from '../../src/eventstore/postgres.ts';
import { armFailpoint } from '../../src/failpoint.ts';
import { payment } from '../../src/handlers/payment.ts';
import { createSandboxGateway } from '../../src/handlers/sandboxGateway.ts';
import { createPool } from '../../src/postgres/pool.ts';
import { now, openShop } from '../handlers/shop.ts';

const [url = '', owner = '', what = '', failpoint] = process.argv.slice(2);
armFailpoint(failpoint);
const pool = createPool({ url, name: owner, max: 10, int8: 'bigint' });
const store = await createPostgresEventStore({ url, unsafeWithoutFsync: true });
const log = pino({ level: 'silent' });

const recording: Subscription = {
  name: 'tester',
  types: ['Happened'],
  async handle({ event: { id, stream, revision } }) {
    await pause(Number(revision) % 4);
    await pool.query('INSERT INTO seen (event_id, stream, revision, owner) VALUES ($1, $2, $3, $4)', [
      id,
      stream,
      String(revision),
      owner,
    ]);
  },
};
const paying = (): Subscription =>
  payment({ services: openShop(store).services, now, gateway: createSandboxGateway({ pool, delayMs: 0 }) });

const bus = createEmbeddedBus({ pool, store, owner, log, limits: { saveMs: 25 } });
bus.subscribe(what === 'pay' ? paying() : recording);
await bus.start();
process.stdout.write('ready\n');
