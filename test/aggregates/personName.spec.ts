import { expect } from 'chai';
import { nameFrom } from '../../src/aggregates/personName.ts';

describe('the name of a person', () => {
  it('is taken from the first form that is there, and stands as it was typed, without outer spaces', () => {
    expect(nameFrom({ name: ' Ada  Byron ' })).to.deep.equal({ name: 'Ada  Byron' });
    expect(nameFrom({ full_name: 'Ada Byron' })).to.deep.equal({ name: 'Ada Byron' });
    expect(nameFrom({ first_name: ' Ada ', last_name: ' Byron ' })).to.deep.equal({ name: 'Ada Byron' });
    expect(nameFrom({ first_name: 'Ada' })).to.deep.equal({ name: 'Ada' });
    expect(nameFrom({ last_name: 'Byron' })).to.deep.equal({ name: 'Byron' });
    expect(nameFrom({ username: 'ada' })).to.deep.equal({ name: 'ada' });
    expect(nameFrom({})).to.deep.equal({});
  });

  it('is one in all forms that are there, whatever their spacing and Unicode form; a username need not be a name', () => {
    const all = {
      name: 'Ada Byron',
      full_name: 'Ada  Byron',
      first_name: 'Ada',
      last_name: 'Byron',
      username: 'ada_b',
    };
    expect(nameFrom(all)).to.deep.equal({ name: 'Ada Byron' });
    expect(nameFrom({ full_name: 'Zoë X', first_name: 'Zoe\u0308', last_name: 'X' })).to.deep.equal({ name: 'Zoë X' });
    expect(nameFrom({ full_name: 'Ada Byron', username: 'ada_b' })).to.deep.equal({ name: 'Ada Byron' });
  });

  it('that two forms contradict is none, and the later form is the one to blame', () => {
    expect(nameFrom({ name: 'Ada Byron', full_name: 'Ada King' })).to.deep.equal({ clash: 'full_name' });
    expect(nameFrom({ name: 'Ada Byron', first_name: 'Ada' })).to.deep.equal({ clash: 'first_name' });
    expect(nameFrom({ name: 'Ada Byron', last_name: 'King' })).to.deep.equal({ clash: 'last_name' });
    expect(nameFrom({ full_name: 'Ada', first_name: 'ada' })).to.deep.equal({ clash: 'first_name' });
  });
});
