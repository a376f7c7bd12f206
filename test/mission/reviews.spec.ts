import { expect } from 'chai';
import { eventually } from '../support/eventually.ts';
import { must, type Caller } from '../support/shop.ts';
import { onMission, type Mission, type Offer } from './mission.ts';

describe('the mission: reviews', () => {
  let mission: Mission;
  let offer: Offer;
  let buyer: Caller;
  onMission((shared) => (mission = shared));
  before(async () => {
    offer = await mission.offer({ stock: 100 });
  });
  beforeEach(async () => {
    buyer = await mission.people.buyer('Ada Byron');
  });
  const bought = async (): Promise<void> => mission.ship(offer.seller, await mission.buy(buyer, offer.productId));
  const review = (body: object) => buyer.call('POST', `/products/${offer.productId}/reviews`, body);
  const listed = async () => must(await mission.ask('GET', `/products/${offer.productId}/reviews`), 200);
  const ratingOfProduct = async () => must(await mission.ask('GET', `/products/${offer.productId}`), 200).data.rating;

  it('CAT-14, EP-32: takes a review of 1 to 5 with a comment from a buyer, once the product was shipped', async () => {
    expect(await review({ rating: 5 })).to.include({ status: 403 });
    const order = await mission.buy(buyer, offer.productId);
    expect(await review({ rating: 5 })).to.include({ status: 403 });
    await mission.ship(offer.seller, order);
    for (const rating of [0, 6, 4.5, '5']) expect(await review({ rating })).to.include({ status: 400 });
    const { data } = must(await review({ rating: 5, comment: 'Writes well' }), 201);
    expect(data).to.include({ product_id: offer.productId, author: 'Ada B.', rating: 5, comment: 'Writes well' });
    expect(await review({ rating: 4 })).to.include({ status: 409 });
  });

  it('CAT-14, EP-33: lists the reviews of a product for everybody, newest first', async () => {
    await bought();
    const { id } = must(await review({ rating: 2, comment: 'Blots' }), 201).data;
    const { data, body } = await listed();
    expect(data[0]).to.deep.include({ id, rating: 2, comment: 'Blots', answer: null });
    expect(body.meta.pagination.total_items).to.equal(data.length);
    const twos = must(await mission.ask('GET', `/products/${offer.productId}/reviews?rating=2`), 200).data;
    expect(twos.map(({ rating }: { rating: number }) => rating)).to.deep.equal([2]);
  });

  it('CAT-15: shows average, count and distribution of the reviews on the product, also after a change', async () => {
    const { productId, seller } = await mission.offer({ stock: 100 });
    const readers = [await mission.people.buyer(), await mission.people.buyer()];
    const ids: string[] = [];
    for (const [at, reader] of readers.entries()) {
      await mission.ship(seller, await mission.buy(reader, productId));
      const made = await reader.call('POST', `/products/${productId}/reviews`, { rating: at + 4 });
      ids.push(must(made, 201).data.id);
    }
    const rating = async () => must(await mission.ask('GET', `/products/${productId}`), 200).data.rating;
    const none = { 1: 0, 2: 0, 3: 0, 4: 0, 5: 0 };
    expect(await rating()).to.deep.equal({ average: 4.5, count: 2, distribution: { ...none, 4: 1, 5: 1 } });
    must(await readers[1]!.call('PUT', `/reviews/${ids[1]!}`, { rating: 1 }), 200);
    expect(await rating()).to.deep.equal({ average: 2.5, count: 2, distribution: { ...none, 1: 1, 4: 1 } });
    const named = must(await seller.call('PUT', `/products/${productId}`, { name: 'Swan quill' }), 200).data;
    expect(named.rating).to.include({ average: 2.5, count: 2 });
    for (const [at, reader] of readers.entries()) must(await reader.call('DELETE', `/reviews/${ids[at]!}`), 200);
    expect(await rating()).to.deep.equal({ average: null, count: 0, distribution: none });
  });

  it('CAT-14: lets the seller answer, and the author change and delete', async () => {
    await bought();
    const { id } = must(await review({ rating: 3, comment: 'Fine' }), 201).data;
    const answered = must(await offer.seller.call('PUT', `/reviews/${id}/answer`, { text: 'Thank you' }), 200).data;
    expect(answered.answer.text).to.equal('Thank you');
    must(await buyer.call('PUT', `/reviews/${id}`, { comment: 'Better than I thought' }), 200);
    const seen = must(await mission.ask('GET', `/reviews/${id}`), 200).data;
    expect([seen.comment, seen.answer.text]).to.deep.equal(['Better than I thought', 'Thank you']);
    must(await offer.seller.call('DELETE', `/reviews/${id}/answer`), 200);
    must(await buyer.call('DELETE', `/reviews/${id}`), 200);
    expect(await mission.ask('GET', `/reviews/${id}`)).to.include({ status: 404 });
  });

  it('CAT-14: hides a review from everybody but its author, who cannot bring it back', async () => {
    await bought();
    const { id } = must(await review({ rating: 1, comment: 'Buy elsewhere' }), 201).data;
    const before = await ratingOfProduct();
    const admin = await mission.admin();
    expect(await admin.call('PUT', `/admin/reviews/${id}/hide`, {})).to.include({ status: 400 });
    const hidden = must(await admin.call('PUT', `/admin/reviews/${id}/hide`, { reason: 'Advertising' }), 200).data;
    expect(hidden).to.include({ is_hidden: true, hidden_because: 'Advertising' });
    expect((await listed()).data.map((one: { id: string }) => one.id)).not.to.include(id);
    expect(await mission.ask('GET', `/reviews/${id}`)).to.include({ status: 404 });
    expect((await ratingOfProduct()).count).to.equal(before.count - 1);
    must(await buyer.call('DELETE', `/reviews/${id}`), 200);
    expect(await review({ rating: 5 })).to.include({ status: 409 });
    await eventually('no review is hidden', async () => {
      const { data } = await admin.call('GET', `/admin/reviews?is_hidden=true&product_id=${offer.productId}`);
      return data.length === 0;
    });
  });

  it('CAT-14: shows and takes no review of a product that is not on sale', async () => {
    const { productId, seller } = await mission.offer();
    await mission.ship(seller, await mission.buy(buyer, productId));
    const admin = await mission.admin();
    const listing = () => mission.ask('GET', `/products/${productId}/reviews`);
    const posting = () => buyer.call('POST', `/products/${productId}/reviews`, { rating: 5 });
    const isAway = async (): Promise<void> => {
      expect(await listing()).to.include({ status: 404 });
      expect(await posting()).to.include({ status: 404 });
    };
    must(await admin.call('PUT', `/admin/stores/${seller.storeId}/suspend`, { reason: 'Complaints' }), 200);
    await isAway();
    must(await admin.call('PUT', `/admin/stores/${seller.storeId}/restore`, {}), 200);
    must(await seller.call('PUT', `/products/${productId}`, { status: 'inactive' }), 200);
    await isAway();
    must(await seller.call('PUT', `/products/${productId}`, { status: 'active' }), 200);
    must(await posting(), 201);
    expect((await listing()).data).to.have.length(1);
  });
});
