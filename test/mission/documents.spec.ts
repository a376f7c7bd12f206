import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect } from 'chai';
import { ROOT } from '../support/process.ts';
import type { Json } from '../support/shop.ts';
import { onMission, type Mission } from './mission.ts';

describe('the mission: documents', () => {
  let mission: Mission;
  onMission((shared) => (mission = shared));
  const get = (where: string): Promise<Response> => fetch(mission.url + where);

  it('DOC-01, DOC-04, EP-13, EP-65: shows Swagger UI, wherever clients look for it', async () => {
    for (const where of ['/docs', '/docs/', '/api/v1/docs', '/api/v1/docs/', '/swagger', '/swagger/']) {
      const page = await get(where);
      expect([where, page.status]).to.deep.equal([where, 200]);
      expect(await page.text()).to.include('swagger-ui');
    }
  });

  it('DOC-02, DOC-03, EP-44: serves an OpenAPI document that is made from the routes themselves', async () => {
    for (const where of ['/openapi.json', '/docs/swagger.json']) {
      const { openapi, paths } = (await (await get(where)).json()) as Json;
      expect(openapi).to.match(/^3\.1/);
      expect(paths).to.include.keys('/api/v1/products/{id}', '/api/v1/orders', '/api/v1/transactions');
    }
  });

  it('DOC-05: documents routes, events and errors in docs/', () => {
    for (const page of ['routes', 'events', 'errors', 'settings']) {
      const file = path.join(ROOT, 'docs/reference', `${page}.md`);
      expect(readFileSync(file, 'utf8').length, page).to.be.above(2_000);
    }
  });

  it('DOC-06: shows each flow with curl', () => {
    const tutorial = readFileSync(path.join(ROOT, 'docs/tutorial/your-first-shop.md'), 'utf8');
    for (const flow of ['/auth/register', '/auth/login', '/products', '/cart/items', '/orders', '/history']) {
      expect(tutorial).to.include(flow);
    }
    expect(tutorial).to.include('curl');
  });

  it('DOC-07: has a guide for contributors', () => {
    expect(existsSync(path.join(ROOT, 'CONTRIBUTING.md'))).to.equal(true);
  });

  it('EP-14, EP-49, EP-55, EP-64: says at /health whether the shop answers', async () => {
    const response = await get('/health');
    expect([response.status, ((await response.json()) as Json).data.status]).to.deep.equal([200, 'ok']);
  });
});
