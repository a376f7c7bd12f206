import { randomUUID } from 'node:crypto';
import { eventually } from './eventually.ts';
import { openWriteSide } from './shop.ts';

/** Appends an event that the read model of categories cannot take. Returns the id of its dead letter, once it is one. */
export async function makeDeadLetter(databaseUrl: string): Promise<string> {
  const write = await openWriteSide(databaseUrl, {}, { readOnly: true });
  try {
    const stream = `category-${randomUUID()}`;
    const ids = { commandId: randomUUID(), correlationId: randomUUID() };
    const metadata = { ...ids, occurredAt: new Date().toISOString(), command: 'Test', actor: 'test', schema: 1 };
    await write.store.append(stream, -1n, [{ id: randomUUID(), type: 'CategoryCreated', data: { name: 7 }, metadata }]);
    return await eventually('the event is a dead letter', async () => {
      const [letter] = await write.db.rows<{ id: string }>(
        `SELECT id FROM dead_letters WHERE stream = $1 AND status = 'dead'`,
        [stream],
      );
      return letter?.id;
    });
  } finally {
    await write.close();
  }
}
