import { expect } from 'chai';
import { parsePage } from './page.ts';
import { fits } from './printed.ts';
import { stepsOf } from './steps.ts';

describe('the marks of shell blocks', () => {
  it('refuse to do nothing', () => {
    const wrong = {
      '<!-- runable -->\n```sh\n```': 'page.md:1: "runable" is no marker',
      '<!-- runnable -->\ntext\n```sh\n```': 'page.md:1: no block follows "runnable"',
      '<!-- runnable -->\n```js\n```': 'page.md:2: only "sh" is run, not "js"',
      '<!-- prints -->\n```text\n```': 'page.md:2: nothing prints this',
      '<!-- runnable -->\n\ntext\n\n<!-- runnable -->\n```sh\n```':
        'page.md:5: a marker is not directly before a block',
    };
    for (const [text, reason] of Object.entries(wrong)) {
      expect(() => stepsOf(parsePage('page.md', text)), text).to.throw(reason);
    }
  });

  it('let … stand for anything within a line, and for any lines by itself', () => {
    expect(fits('a … c', 'a b c\n')).to.equal(true);
    expect(fits('a … c', 'a b\nc')).to.equal(false);
    expect(fits('a\n…\nc', 'a\nc')).to.equal(true);
    expect(fits('a\n…\nc', 'a\n\nb\nc  \n\n')).to.equal(true);
    expect(fits('a\n…', 'a\nb')).to.equal(true);
    expect(fits('a', 'a\nb')).to.equal(false);
    expect(fits('a.(b)', 'a.(b)')).to.equal(true);
    expect(fits('a.b', 'axb')).to.equal(false);
    expect(fits('', '')).to.equal(true);
  });
});
