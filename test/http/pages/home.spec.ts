import { expect } from 'chai';
import { RULES } from '../../../src/http/pages/rules.ts';
import { openEdge, type Edge } from '../edge.ts';

const HTML = { accept: 'text/html,application/xhtml+xml,*/*;q=0.8' };

describe('the pages for people', () => {
  let edge: Edge;
  before(async () => {
    edge = await openEdge();
  });
  after(() => edge.close());

  it('begin at the first address that is printed, with links that lead somewhere and nothing inline', async () => {
    const { status, headers, text } = await edge.request('GET', '/', { headers: HTML });
    expect([status, headers['content-type'], headers['vary']]).to.deep.equal([
      200,
      'text/html; charset=utf-8',
      'Accept',
    ]);
    expect(headers['content-security-policy']).to.include("default-src 'none'").and.not.include('unsafe');
    expect(text).to.not.match(/<script|<style|\son\w+=|\sstyle=/);
    const links = [...text.matchAll(/href="([^"]+)"/g)].map(([, link]) => String(link));
    expect(links).to.include.members(['/docs', '/openapi.json', '/health']);
    for (const link of links) expect((await edge.request('GET', link, { headers: HTML })).status, link).to.equal(200);
  });

  it('are JSON for programs', async () => {
    for (const headers of [{}, { accept: '*/*' }, { accept: 'application/json' }]) {
      const { status, json } = await edge.request('GET', '/', { headers });
      expect([status, json.data.links.docs]).to.deep.equal([200, '/docs']);
    }
    expect((await edge.request('GET', '/nowhere')).status).to.equal(404);
  });

  it('are there for the type of every problem', async () => {
    expect(RULES.length).to.be.greaterThan(40);
    for (const { rule, status, code } of RULES) {
      const { status: found, json } = await edge.request('GET', `/problems/${rule}`);
      expect([found, json.data.rule], rule).to.deep.equal([200, rule]);
      const ways = (json.data.ways as { status: number; code: string }[]).map((way) => [way.status, way.code]);
      expect(ways, rule).to.deep.include([status, code]);
      const page = await edge.request('GET', `/problems/${rule}`, { headers: HTML });
      expect(page.text, rule).to.include(`<h1>${rule}</h1>`).and.include(code);
    }
    const { json } = await edge.request('GET', '/api/v1/nowhere');
    expect((await edge.request('GET', String(json.type))).status).to.equal(200);
    expect((await edge.request('GET', '/problems/Nothing')).status).to.equal(404);
  });
});
