import { expect } from 'chai';
import {
  formatMoney,
  oneLine,
  orderNumber,
  subjectLine,
  templates,
  typed,
} from '../../../src/handlers/senders/templates.ts';
import { anOrder } from '../shop.ts';

const order = { ...anOrder, orderId: '0193f9a0-0000-7000-8000-0000deadbeef' };

describe('templates', () => {
  it('show money with as many decimals as its currency has', () => {
    expect(formatMoney(123_456, 'EUR')).to.equal('EUR 1,234.56');
    expect(formatMoney(123_456, 'JPY')).to.equal('JPY 123,456');
    expect(formatMoney(123_456, 'KWD')).to.equal('KWD 123.456');
    expect(formatMoney(100_000_000_000, 'USD')).to.equal('USD 1,000,000,000.00');
    expect(formatMoney(5, 'USD')).to.equal('USD 0.05');
  });

  it('list what was ordered, with the total', () => {
    const { subject, text } = templates.orderPlaced(order);
    expect(subject).to.equal('We have your order #DEADBEEF');
    expect(text).to.equal(
      [
        'Hello,',
        'Thank you for your order:',
        '  1 × Teapot: EUR 19.90\n  4 × Cup: EUR 20.00\n  1 × Tea: EUR 10.10\n  Total: EUR 50.00',
        "The order's full number is 0193f9a0-0000-7000-8000-0000deadbeef.",
        'Your shop\n',
      ].join('\n\n'),
    );
    expect(orderNumber(order.orderId)).to.equal('#DEADBEEF');
  });

  it('promise money back only to who has paid', () => {
    const text = (givenBack: boolean) => templates.orderCancelled(order, { reason: 'too late', givenBack }).text;
    expect(text(true)).to.contain('is given back');
    expect(text(false)).not.to.contain('given back');
  });

  it('let nothing that people typed start a line or a header of its own', () => {
    expect(subjectLine('Order\r\nBcc: all@example.com')).to.equal('Order Bcc: all@example.com');
    expect(oneLine('a\u0000b\u2028c\u0085d\te')).to.equal('a b c d e');
    expect(subjectLine('x'.repeat(1_000))).to.have.length(150);
    const lines = [{ ...anOrder.lines[0]!, name: 'Teapot\r\n  Total: EUR 0.00' }];
    const { text } = templates.orderPlaced({ ...order, lines });
    expect(text).to.contain('  1 × Teapot Total: EUR 0.00: EUR 19.90\n');
    const cancelled = { reason: 'no\n\nYour shop', givenBack: false };
    expect(templates.orderCancelled(order, cancelled).text).to.contain('was cancelled: no Your shop\n');
  });

  it('make no link of what people typed, and leave other text as it is', () => {
    expect(typed('win at https://evil.example/x or www.evil.example')).to.equal(
      'win at https: //evil. example/x or www. evil. example',
    );
    expect(typed('mail me@evil.example')).to.equal('mail me@evil. example');
    expect(typed('Tea No. 4, 1.5 kg, e.g. for two. 100 % cotton.')).to.equal(
      'Tea No. 4, 1.5 kg, e.g. for two. 100 % cotton.',
    );
    const lines = [{ ...anOrder.lines[0]!, name: 'https://evil.example' }];
    const told = { reason: 'see evil.example', givenBack: false };
    for (const { text } of [
      templates.stockLow({ productId: 'p', name: lines[0]!.name, available: 4 }),
      templates.orderPlaced({ ...order, lines }),
      templates.orderPaid({ ...order, lines }, 5_000),
      templates.paymentDeclined(order, 'see evil.example'),
      templates.orderCancelled({ ...order, lines }, told),
      templates.linesCancelled({ ...order, lines }, told),
      templates.orderShipped({ ...order, lines }),
      templates.orderCompleted({ ...order, lines }),
    ]) {
      expect(text)
        .to.match(/evil\. example/)
        .and.not.match(/:\/\/|evil\.example/);
    }
  });
});
