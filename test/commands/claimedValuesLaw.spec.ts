import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import fc from 'fast-check';
import { claimDecider } from '../../src/aggregates/claim.ts';
import { userDecider } from '../../src/aggregates/user.ts';
import { LATER, register, ruleOf } from '../support/claiming.ts';
import { cutOffAfter, openMemoryShop, type MemoryShop } from '../support/memoryShop.ts';
import { inAnyOrder } from '../support/memoryStore.ts';
import { RUNS } from '../support/properties.ts';

const PHONES = ['+49 30 1000001', '+49 30 1000002'];
const PEOPLE = ['ann', 'ben'];
/** After the deadline of every claim that was made at `LATER`. */
const AT_LAST = '2026-03-01T12:30:00.000Z';
const NEVER = 1_000;

/** One command: a change of a person's phone number, or the registration of another person. */
interface Step {
  readonly person: number | null;
  /** A phone number, or none. */
  readonly phone: number | null;
  readonly later: boolean;
  readonly ifMatch: bigint | null;
  /** Steps of one name are the same command, sent again. */
  readonly name: number;
  /** The process is killed after so many appends. */
  readonly appends: number;
}

const steps = fc.array(
  fc.record<Step>({
    person: fc.option(fc.nat(PEOPLE.length - 1), { freq: 4 }),
    phone: fc.option(fc.nat(PHONES.length - 1), { freq: 4 }),
    later: fc.boolean(),
    ifMatch: fc.option(fc.bigInt(0n, 2n), { freq: 2 }),
    name: fc.nat(2),
    appends: fc.oneof(fc.constant(NEVER), fc.nat(3)),
  }),
  { minLength: 2, maxLength: 5 },
);

/** The holders of each number that say on their own stream that they use it. */
async function users(shop: MemoryShop, people: readonly string[]): Promise<Map<string, string[]>> {
  const found = new Map<string, string[]>();
  for (const id of people) {
    const state = await shop.fromLog(userDecider, id);
    if (state.status !== 'active' || state.phoneClaim === null) continue;
    found.set(state.phoneClaim, [...(found.get(state.phoneClaim) ?? []), id]);
  }
  return found;
}

async function play(scheduler: fc.Scheduler, script: readonly Step[]): Promise<void> {
  const shop = openMemoryShop();
  const known = await Promise.all(PEOPLE.map((name) => register(shop, name)));
  const ids = script.map(() => randomUUID());
  const asked = script.map(({ person, phone, later, ifMatch, name, appends }, index) => {
    const services = shop.another(cutOffAfter(appends, inAnyOrder(scheduler, shop.store)));
    const same = script.findIndex((other) => other.name === name && other.person === person && other.phone === phone);
    const how = {
      id: ids[same]!,
      services,
      ...(later ? { now: LATER } : {}),
      ...(ifMatch === null ? {} : { ifMatch }),
    };
    const number = phone === null ? null : PHONES[phone]!;
    const body = { phone: number };
    return person === null
      ? register(shop, `cleo${same}`, number === null ? {} : body, how).catch(() => index)
      : shop.ask('UpdateProfile', known[person]!, { body }, how).catch(() => index);
  });
  await scheduler.waitFor(Promise.all(asked));

  const people = (await shop.log()).flatMap(({ type, stream }) => (type === 'UserRegistered' ? [stream.slice(5)] : []));
  const used = await users(shop, people);
  for (const [claim, holders] of used) {
    expect(holders, 'holders of one number').to.have.length(1);
    expect(await shop.fromLog(claimDecider, claim)).to.include({ holder: holders[0] });
  }
  for (const [index, phone] of PHONES.entries()) {
    const claim = `phone-${shop.personalData.blindIndex('phone', phone.replace(/[^0-9+]/g, ''))}`;
    const rule = await ruleOf(register(shop, `newcomer${index}`, { phone }, { now: AT_LAST }));
    expect(rule, 'the answer to a newcomer').to.equal(used.has(claim) ? 'ValueTaken' : 'none');
  }
}

describe('claimed values, whatever the order of their steps, with kills, repeats and stale commands', () => {
  it('have one holder that uses them, and are free when nothing does', async function () {
    this.timeout(60_000);
    await fc.assert(fc.asyncProperty(fc.scheduler(), steps, play), { ...RUNS, numRuns: 150 });
  });
});
