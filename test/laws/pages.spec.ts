import { expect } from 'chai';
import { freshDatabase, type TestDatabase } from '../support/database.ts';
import { eventually } from '../support/eventually.ts';
import { must, request, serveShop, type Answer, type Caller, type Json } from '../support/shop.ts';

const PRODUCTS = 24;
const ORDERS = 9;
const SORTS = ['created_at', 'price', 'name', 'rating', 'popularity'];
/** They differ by case, accent and trailing blanks alone. */
const NAMES = ['Tee', 'tee', 'Tée', 'tee ', 'Te\u0301e', 'TEE'];

describe('lists over their routes', function () {
  this.timeout(90_000);
  let database: TestDatabase;
  let shop: Awaited<ReturnType<typeof serveShop>>;
  let seller: Caller & { storeId: string };
  let buyer: Caller;
  let other: Caller;
  let admin: Caller;
  let category: string;

  before(async () => {
    database = await freshDatabase();
    shop = await serveShop(database.url);
    const { people } = shop;
    [seller, buyer, other, admin] = await Promise.all([
      people.seller(),
      people.buyer(),
      people.buyer(),
      people.admin(),
    ]);
    category = await people.category();
    const products = await Promise.all(
      Array.from({ length: PRODUCTS }, (_, at) =>
        people.product(seller, category, {
          ...{ name: NAMES[at % NAMES.length], price: `${10 + (at % 3)}.00`, stock: at % 4 === 0 ? 0 : 50 },
          ...(at % 2 === 0 ? {} : { sku: `SKU-${at}` }),
        }),
      ),
    );
    const orders = await Promise.all(
      Array.from({ length: ORDERS }, async (_, at) => {
        const items = [{ product_id: products[4 * (at % 3) + 1], quantity: 1 }];
        const body = { shipping_address: '1 Quill Lane', items };
        return must(await buyer.call('POST', '/orders', body), 201).data.id as string;
      }),
    );
    for (const id of orders) await people.untilOrder(buyer, id, 'paid');
    const [first] = orders;
    for (const status of ['processing', 'shipping']) {
      must(await seller.call('PUT', `/orders/${first}/status`, { status }), 200);
    }
    await eventually('every payment is told to the buyer', async () => {
      const { body } = await buyer.call('GET', '/notifications');
      return body.meta.pagination.total_items >= ORDERS;
    });
  });
  after(async () => {
    await shop.stop();
    await database.drop();
  });

  const anyone = (path: string): Promise<Answer> => request(shop.url, 'GET', path);
  const by = (caller?: Caller) => (path: string) => (caller === undefined ? anyone(path) : caller.call('GET', path));

  interface Walk {
    readonly ids: string[];
    readonly total: number;
    readonly calls: number;
  }
  async function walk(path: string, perPage: number, caller?: Caller): Promise<Walk> {
    const ids: string[] = [];
    const sign = path.includes('?') ? '&' : '?';
    let pagination: Json;
    let calls = 0;
    do {
      const cursor = pagination === undefined ? '' : `&cursor=${pagination.next}`;
      const { body } = must(await by(caller)(`${path}${sign}per_page=${perPage}${cursor}`), 200);
      ids.push(...body.data.map(({ id }: Json) => id));
      ({ pagination } = body.meta);
      calls += 1;
      expect(calls, path).to.be.at.most(200);
      expect(pagination.current_page, path).to.equal(calls);
    } while (pagination.next !== undefined);
    return { ids, total: pagination.total_items, calls };
  }

  it('B16: show each row once, by every order, both ways, with as many rows in all as they say', async () => {
    for (const sort of SORTS) {
      const whole: string[][] = [];
      for (const direction of ['asc', 'desc']) {
        const path = `/products?store_id=${seller.storeId}&sort_by=${sort}&sort_order=${direction}`;
        const all = await walk(path, 100);
        expect(all, path).to.include({ total: PRODUCTS, calls: 1 });
        expect(new Set(all.ids).size, path).to.equal(PRODUCTS);
        for (const perPage of [1, 7]) {
          const { ids, total, calls } = await walk(path, perPage);
          expect(ids, path).to.deep.equal(all.ids);
          expect({ total, calls }, path).to.deep.equal({ total: PRODUCTS, calls: Math.ceil(PRODUCTS / perPage) });
        }
        whole.push(all.ids);
      }
      const [up, down] = whole as [string[], string[]];
      // Nothing is rated here: rows without a rating are ordered by their ids.
      expect(down, sort).to.deep.equal(up.toReversed());
    }
  });

  it('B16: show each order, payment, mail and found product once', async () => {
    const lists: [path: string, caller: Caller | undefined, rows: number | undefined][] = [
      ['/orders', buyer, ORDERS],
      ['/orders?status=paid', buyer, ORDERS - 1],
      ['/seller/orders', seller, ORDERS],
      ['/seller/orders?status=paid', seller, ORDERS - 1],
      ['/seller/orders?status=shipping', seller, 1],
      ['/seller/orders?status=cancelled', seller, 0],
      ['/payments', buyer, ORDERS],
      ['/payments', admin, ORDERS],
      ['/notifications', buyer, undefined],
      ['/categories', undefined, 1],
      ['/inventory/low-stock', seller, undefined],
      [`/stores/${seller.storeId}/products`, undefined, PRODUCTS],
      ['/products?search=tee', undefined, PRODUCTS],
      [`/products?category_id=${category}&in_stock=true&max_price=11.00&sort_by=price`, undefined, 12],
      [`/products?category_id=${category}&in_stock=false&min_price=12.00&sort_by=name`, undefined, 2],
    ];
    for (const [path, caller, rows] of lists) {
      const all = await walk(path, 100, caller);
      if (rows !== undefined) expect(all.ids, path).to.have.length(rows);
      for (const perPage of [1, 4]) {
        const { ids, total } = await walk(path, perPage, caller);
        expect(ids, path).to.deep.equal(all.ids);
        expect(new Set(ids).size, path).to.equal(ids.length);
        expect(total, path).to.equal(ids.length);
      }
    }
  });

  it('takes orders of a span of time alone', async () => {
    const { data } = await buyer.call('GET', '/orders');
    const middle = data[4].created_at as string;
    const [since, until] = await Promise.all([
      walk(`/orders?from=${middle}`, 2, buyer),
      walk(`/orders?to=${middle}`, 2, buyer),
    ]);
    expect(new Set([...since.ids, ...until.ids]).size).to.equal(ORDERS);
    expect(since.ids.length + until.ids.length).to.equal(ORDERS);
    expect(since.ids).to.include(data[4].id);
    const bySeller = await walk(`/seller/orders?from=${middle}`, 2, seller);
    expect(bySeller.ids).to.deep.equal(since.ids);
  });

  it('B16: refuse a cursor of another list, filter, order, user or role, and one that was changed', async () => {
    const nextOf = async (path: string, caller?: Caller): Promise<string> =>
      must(await by(caller)(path), 200).body.meta.pagination.next as string;
    const [mine, priced] = await Promise.all([
      nextOf('/orders?per_page=2', buyer),
      nextOf('/products?per_page=2&sort_by=price'),
    ]);
    const refused: [path: string, caller?: Caller][] = [
      [`/orders?cursor=${mine}`, other],
      [`/orders?cursor=${mine}`, admin],
      [`/orders?status=paid&cursor=${mine}`, buyer],
      [`/payments?cursor=${mine}`, buyer],
      [`/orders?page=2&cursor=${mine}`, buyer],
      [`/products?sort_by=name&cursor=${priced}`],
      [`/products?sort_by=price&sort_order=desc&cursor=${priced}`],
      [`/products?sort_by=price&in_stock=true&cursor=${priced}`],
      [`/products?sort_by=price&cursor=${priced.slice(1)}`],
      [`/products?sort_by=price&cursor=${priced.slice(0, -1)}`],
      [`/products?sort_by=price&cursor=${'A'.repeat(10_240)}`],
      ['/products?cursor='],
      ['/products?cursor=%00'],
    ];
    for (const [path, caller] of refused) {
      const { status, body } = await by(caller)(path);
      expect(status, path).to.equal(400);
      expect(body.errors[0].code, path).to.equal('VALIDATION_ERROR');
    }
    must(await buyer.call('GET', `/orders?per_page=5&cursor=${mine}`), 200);
  });

  it('reach 10,000 rows deep by page, and name the cursor beyond', async () => {
    must(await anyone('/products?page=100&per_page=100'), 200);
    for (const path of [
      '/products?page=101&per_page=100',
      '/products?page=99999999',
      '/categories?page=10001&per_page=1',
    ]) {
      const { body } = must(await anyone(path), 422);
      expect(body.errors).to.have.length(1);
      expect(body.errors[0]).to.include({ code: 'PAGE_TOO_DEEP', field: 'page' });
      expect(body.errors[0].message).to.contain('cursor');
    }
  });

  it('take page_size and limit for per_page, but not two of them', async () => {
    for (const name of ['per_page', 'page_size', 'limit']) {
      const { body } = must(await anyone(`/products?page=2&${name}=5`), 200);
      expect(body.meta.pagination, name).to.include({ current_page: 2, per_page: 5 });
    }
    for (const wrong of ['limit=0', 'page_size=101', 'limit=5&page_size=5', 'per_page=5&limit=6']) {
      must(await anyone(`/products?${wrong}`), 400);
    }
  });

  it('B16: goes on after a row that has gone, and shows the rest once while prices change', async () => {
    const path = `/products?store_id=${seller.storeId}&sort_by=price`;
    const all = (await walk(path, 100)).ids;
    const touched = new Set<string>();
    const seen: string[] = [];
    let cursor = '';
    for (let more = true; more;) {
      const { body } = must(await anyone(`${path}&per_page=5${cursor}`), 200);
      const ids = body.data.map(({ id }: Json) => id as string);
      seen.push(...ids);
      const last = ids.at(-1);
      if (last !== undefined) {
        touched.add(last);
        must(await seller.call('DELETE', `/products/${last}`), 200);
        const moved = all.slice(all.indexOf(last) + 1).find((id) => !touched.has(id));
        if (moved !== undefined) {
          touched.add(moved);
          must(await seller.call('PUT', `/products/${moved}`, { price: '1.00' }), 200);
        }
        await shop.people.product(seller, category, { name: 'New', price: '11.00' });
      }
      more = body.meta.pagination.next !== undefined;
      cursor = `&cursor=${body.meta.pagination.next}`;
    }
    expect(new Set(seen).size).to.equal(seen.length);
    const untouched = (list: readonly string[]) => list.filter((id) => all.includes(id) && !touched.has(id));
    expect(untouched(seen)).to.deep.equal(untouched(all));
  });
});
