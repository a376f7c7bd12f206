import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import { imageName, imageNamed, imagesView, imageUrl } from '../../src/queries/picture.ts';
import { picture } from '../support/pictures.ts';

describe('a view of a picture', () => {
  it('has an address and the pixels of each size', () => {
    const shown = { ...picture('k', 10, 5), large: { width: 40, height: 20 } };
    expect(imageUrl(shown)).to.equal('/images/k-large.webp');
    expect(imagesView(shown)).to.deep.equal({
      small: { url: '/images/k-small.webp', width: 10, height: 5 },
      medium: { url: '/images/k-medium.webp', width: 10, height: 5 },
      large: { url: '/images/k-large.webp', width: 40, height: 20 },
    });
    expect([imageUrl(null), imagesView(null)]).to.deep.equal([null, null]);
  });

  it('is known by its names, and by no other', () => {
    const key = randomUUID();
    expect(imageNamed(imageName(key, 'medium'))).to.deep.equal({ key, size: 'medium' });
    const others = [
      ...['', 'large.webp', `${key}.webp`, `${key}-huge.webp`, `${key}-large.png`, `../${key}-large.webp`],
      ...[`${key}-large.webp/`, `${key}-large.webp\n`, ` ${key}-large.webp`, `${key.toUpperCase()}-large.webp`],
      ...['..%2fsecrets.json', '../../secrets.json', `${key}-large.webp\0`, '.'.repeat(36) + '-large.webp'],
    ];
    for (const name of others) expect(imageNamed(name), name).to.equal(undefined);
  });
});
