/**
 * A process with one bus, for tests that kill it: `tsx consumerProcess.ts <database url> <owner> <what> [failpoint]`. With
 * `nats://…/<prefix>` in place of the failpoint, its relay and consumer use that server. `what` is `record` (inserts each event
 * into the table `seen`) or `pay` (runs the payment handler).
 */
import { setTimeout as pause } from 'node:timers/promises';
import { pino } from 'pino';
import type { Subscription } from '../../src/bus/bus.ts';
import { openBus, openRelay } from '../../src/compose/openBus.ts';
import { createPostgresEventStore } from '../../src/eventstore/postgres/postgresEventStore.ts';
import { armFailpoint } from '../../src/platform/failpoint.ts';
import { payment } from '../../src/handlers/payment.ts';
import { createSandboxGateway } from '../../src/handlers/gateways/sandbox.ts';
import { createPool } from '../../src/platform/postgres/pool.ts';
import { now, openShop } from '../handlers/shop.ts';

const [url = '', owner = '', what = '', more] = process.argv.slice(2);
const nats = more?.startsWith('nats:') === true ? new URL(more) : undefined;
if (nats === undefined) armFailpoint(more);
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

const onNats = {
  natsUrls: nats === undefined ? undefined : [`nats://${nats.host}`],
  natsStream: { prefix: nats?.pathname.slice(1) ?? '' },
};
(await openRelay({ ...onNats, pool, store, owner, log }))?.start();
const bus = await openBus({ ...onNats, pool, store, owner, log, limits: { saveMs: 25 } });
bus.subscribe(what === 'pay' ? paying() : recording);
await bus.start();
process.stdout.write('ready\n');
