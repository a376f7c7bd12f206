import { expect } from 'chai';
import { commands } from '../../src/commands/index.ts';
import { bodyCheck } from '../../src/http/api/validate.ts';

describe('the address of an order', () => {
  const { body } = commands.find(({ name }) => name === 'PlaceOrder')!;
  const faults = (phone: string): readonly unknown[] =>
    bodyCheck(body)({ shipping_address: { line1: '1 Harbour Street', city: 'Galway', country: 'IE', phone } });

  it('has a phone number of digits, or none', () => {
    for (const phone of ['+44 20 7946 0018', '091-555-0123']) expect(faults(phone), phone).to.deep.equal([]);
    for (const phone of ['-------', '   ', 'call me', '123']) expect(faults(phone), phone).not.to.deep.equal([]);
  });
});
