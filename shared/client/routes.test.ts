import * as assert from 'uvu/assert';
import { describe } from '../testing/suite.ts';
import { type RouteOptions, routesOf } from './routes.ts';

const ADMISSION = {
  origins: ['a', 'b', 'c'].map((node) => ({ node, url: `wss://${node}/v1/socket` })),
  socketUrl: 'wss://edge/v1/socket',
  ticket: 't',
  ticketExpiresInMs: 30_000,
  channels: [],
  refused: [],
};
const urls = (options: Partial<RouteOptions>) =>
  routesOf(ADMISSION, { through: 'auto', node: undefined, prefersEdge: false, ...options }).map(
    ({ url }) => url,
  );

describe('routes', ({ test }) => {
  test('go to the two best nodes, then through the edge', () => {
    assert.equal(urls({}), ['wss://a/v1/socket', 'wss://b/v1/socket', 'wss://edge/v1/socket']);
  });

  test('begin with the node that is preferred, when it is there', () => {
    assert.equal(urls({ through: 'direct', node: 'c' }), ['wss://c/v1/socket', 'wss://a/v1/socket']);
    assert.equal(urls({ through: 'direct', node: 'x' }), ['wss://a/v1/socket', 'wss://b/v1/socket']);
  });

  test('name the preferred node to the edge', () => {
    assert.equal(urls({ through: 'edge', node: 'c' }), ['wss://edge/v1/socket?node=c']);
  });

  test('begin with the edge when that worked last time', () => {
    assert.is(urls({ prefersEdge: true })[0], 'wss://edge/v1/socket');
  });
});
