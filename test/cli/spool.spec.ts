import { existsSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { Readable } from 'node:stream';
import { expect } from 'chai';
import { spool } from '../../src/cli/spool.ts';
import { rejection } from '../support/rejection.ts';

describe('the copy of an input that can be read only once', () => {
  it('is whole, readable by its owner alone, and gone once it is removed', async () => {
    const copy = await spool(Readable.from([Buffer.from('one\n'), Buffer.from('two\n')]));
    expect(readFileSync(copy.file, 'utf8')).to.equal('one\ntwo\n');
    expect(statSync(copy.file).mode & 0o777).to.equal(0o600);
    expect(statSync(path.dirname(copy.file)).mode & 0o777).to.equal(0o700);
    copy.remove();
    expect(existsSync(path.dirname(copy.file))).to.equal(false);
  });

  it('is refused beyond its bound, and leaves nothing', async () => {
    const listeners = process.listenerCount('exit');
    const error = await rejection(spool(Readable.from([Buffer.alloc(5), Buffer.alloc(6)]), 10));
    expect(error.message).to.equal('The input has more than 10 bytes: give it as a file.');
    expect(process.listenerCount('exit')).to.equal(listeners);
  });
});
