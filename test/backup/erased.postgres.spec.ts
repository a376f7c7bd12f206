import { expect } from 'chai';
import pg from 'pg';
import type { Trailer } from '../../src/backup/format.ts';
import { openWorld, PASSWORD, perform, type World } from '../cli/world.ts';
import { altered, emptyPlace, newFile, type Place, textOf } from './world.ts';

describe('an export with an erased person', function () {
  this.timeout(60_000);
  let world: World;
  let place: Place;
  before(async () => {
    world = await openWorld();
    place = await emptyPlace();
  });
  after(async () => {
    await place.drop();
    await world.close();
  });

  it('does not bring the person back, also when it was made before the key was destroyed', async () => {
    const [ada, bea] = [await world.people.person('Ada'), await world.people.person('Bea')];
    const [former, latter] = [newFile(), newFile()];
    await world.run(['export', former]);
    await perform('EraseMe', { body: { password: PASSWORD } }, world.people.as(ada));
    await world.run(['export', latter]);
    const key = (await textOf(former)).split('\n').find((line) => line.startsWith(`{"subject":"${ada.id}"`))!;
    const file = await altered(latter, (lines) => {
      const { file_hash: _hash, ...trailer } = JSON.parse(lines.at(-1)!) as Trailer;
      const last = JSON.stringify({ ...trailer, keys: trailer.keys + 1 });
      return [lines[0]!, key, ...lines.slice(1, -1), last];
    });
    expect(await textOf(file)).to.contain(key);
    await place.json('import', 'events', file);
    const db = new pg.Client({ connectionString: place.url });
    await db.connect();
    const { rows } = await db.query<{ subject: string }>('SELECT subject FROM subject_keys');
    const erased = await db.query<{ subject: string }>('SELECT subject FROM erased_persons');
    await db.end();
    expect(rows.map(({ subject }) => subject))
      .to.include(bea.id)
      .and.not.include(ada.id);
    expect(erased.rows).to.deep.equal([{ subject: ada.id }]);
  });
});
