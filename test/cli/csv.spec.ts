import { expect } from 'chai';
import fc from 'fast-check';
import { LINE_BYTES_MAX, RECORD_LINES_MAX, csvRecords, parsed } from '../../src/cli/csv.ts';

async function* inPieces(bytes: Buffer, size: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield await Promise.resolve(bytes.subarray(at, at + size));
}

async function read(content: string | Buffer, size = 7) {
  const records: string[] = [];
  const bytes = Buffer.isBuffer(content) ? content : Buffer.from(content);
  for await (const record of csvRecords(inPieces(bytes, size))) {
    records.push(`${record.line}: ${'fields' in record ? record.fields.join('|') : `! ${record.problem}`}`);
  }
  return records;
}

describe('CSV records', () => {
  it('are numbered by the line they begin on, blank lines passed over', async () => {
    expect(await read('a,b\n\n  \n1,2\n"3\n4",5\n6,7')).to.deep.equal(['1: a|b', '4: 1|2', '5: 3\n4|5', '7: 6|7']);
  });

  it('may begin with a byte order mark and end their lines as on Windows', async () => {
    expect(await read('\ufeffa,b\r\n"1","2"\r\n')).to.deep.equal(['1: a|b', '2: 1|2']);
  });

  it('may end their lines as old Macintosh programs do', async () => {
    for (const size of [1, 3, 100]) {
      expect(await read('\ufeffa,b\r1,"2"\r\r"3\r4",5\r', size)).to.deep.equal(['1: a|b', '2: 1|2', '4: 3\n4|5']);
    }
  });

  it('are never lost where line ends of two kinds are mixed', async () => {
    const mixed = /^\d: ! a line end of another kind stands inside the line/;
    const [, second, third] = await read('a,b\n1,2\r3,4\n5,6\n');
    expect(second).to.match(mixed);
    expect(third).to.equal('3: 5|6');
    const [first, other] = await read('a,b\r1,2\n3,4\r');
    expect(first).to.equal('1: a|b');
    expect(other).to.match(mixed);
  });

  it('have a quoted last line, with or without its end', async () => {
    for (const end of ['', '\n', '\r\n']) {
      expect(await read(`a,b\n"1","2"${end}`), JSON.stringify(end)).to.deep.equal(['1: a|b', '2: 1|2']);
      expect(await read(`a,b\n"1","2\n3"${end}`), JSON.stringify(end)).to.deep.equal(['1: a|b', '2: 1|2\n3']);
    }
  });

  it('are told apart from UTF-16, whichever way round, with or without its mark', async () => {
    const swapped = (text: string) => Buffer.from(text, 'utf16le').swap16();
    const text = 'sku,name\r\nP-1,Ink\r\n';
    for (const bytes of [Buffer.from(`\ufeff${text}`, 'utf16le'), swapped(`\ufeff${text}`)]) {
      expect((await read(bytes))[0]).to.equal('1: ! the file is in UTF-16: save the file as CSV in UTF-8');
    }
    for (const bytes of [Buffer.from(text, 'utf16le'), swapped(text)]) {
      expect((await read(bytes))[0]).to.contain('1: ! the line holds a NUL character; if it is UTF-16');
    }
  });

  it('hold commas and quotes within quotes', async () => {
    expect(await read('"a, b","say ""hi"""\n')).to.deep.equal(['1: a, b|say "hi"']);
  });

  for (const [what, bad, reason] of [
    ['a quote inside a plain field', 'x,15" screen', /quote stands inside/],
    ['text behind a closing quote', 'x,"15" screen', /goes on after its closing quote/],
    ['a quote that is never closed', 'x,"15', /never closed/],
  ] as const) {
    it(`are told apart from a line with ${what}, wherever it stands`, async () => {
      for (const place of [1, 2, 3]) {
        const lines = ['1,a', '2,b', '3,c'];
        lines.splice(place - 1, 0, bad);
        const records = await read(lines.join('\n'));
        expect(records[place - 1])
          .to.match(reason)
          .and.match(new RegExp(`^${place}: !`));
        expect(records.filter((record) => !record.includes('!')).map((record) => record.slice(3))).to.deep.equal([
          '1|a',
          '2|b',
          '3|c',
        ]);
      }
    });
  }

  it('go on behind an open quote that further quotes seem to close', async () => {
    expect(await read('1,"a\n2,"b"\n3,c\n')).to.deep.equal([
      '1: ! a quoted field goes on after its closing quote (a quote inside it is written twice)',
      '2: 2|b',
      '3: 3|c',
    ]);
  });

  it('are not looked for without end behind an open quote', async () => {
    const lines = Array.from({ length: RECORD_LINES_MAX + 50 }, (_, index) => `${index},x`);
    const records = await read(`"open\n${lines.join('\n')}`, 1_000);
    expect(records[0]).to.match(/^1: ! a quote is opened that is never closed/);
    expect(records).to.have.length(lines.length + 1);
  });

  it('are parsed a few times at most, also where many quotes stand behind one that is never closed', async () => {
    const work = async (times: number): Promise<number> => {
      const block = ['1,"open', ...Array.from({ length: 190 }, () => '2,b""c')].join('\n');
      const file = Buffer.from(Array.from({ length: times }, () => block).join('\n'));
      let characters = 0;
      const parse = (text: string) => {
        characters += text.length;
        return parsed(text);
      };
      let records = 0;
      for await (const _record of csvRecords(inPieces(file, 1_000), parse)) records += 1;
      expect(records).to.equal(times * 191);
      return characters / file.length;
    };
    expect(await work(2)).to.be.below(4);
    expect(await work(20)).to.be.below(4);
  });

  it('are told apart from what is not UTF-8, and from a line without end', async () => {
    const latin = Buffer.concat([Buffer.from('1,a\n2,caf'), Buffer.from([0xe9]), Buffer.from('\n3,c\n')]);
    expect(await read(latin)).to.deep.equal([
      '1: 1|a',
      '2: ! the line is not UTF-8: save the file as CSV in UTF-8',
      '3: 3|c',
    ]);
    const endless = `1,a\n${'x'.repeat(LINE_BYTES_MAX + 1)}\n3,c\n`;
    expect(await read(endless, 4_096)).to.deep.equal([
      '1: 1|a',
      `2: ! the line has more than ${LINE_BYTES_MAX} bytes`,
      '3: 3|c',
    ]);
  });

  it('come back as they were written, however the input is cut', async () => {
    const field = fc.string({ unit: 'grapheme' }).filter((text) => !text.includes('\r') && !text.includes('\ufeff'));
    const rows = fc.array(fc.array(field, { minLength: 2, maxLength: 4 }), { minLength: 1, maxLength: 5 });
    await fc.assert(
      fc.asyncProperty(rows, fc.integer({ min: 1, max: 20 }), async (written, size) => {
        const text = written.map((row) => row.map((one) => `"${one.replaceAll('"', '""')}"`).join(',')).join('\n');
        const found: (readonly string[])[] = [];
        for await (const record of csvRecords(inPieces(Buffer.from(text), size))) {
          if (!('fields' in record)) throw new Error(record.problem);
          found.push(record.fields);
        }
        expect(found).to.deep.equal(written);
      }),
      { numRuns: 200 },
    );
  });
});
