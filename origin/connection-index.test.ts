import * as assert from 'uvu/assert';
import { describe } from '../shared/testing/suite.ts';
import { ConnectionIndex } from './connection-index.ts';

describe('connection index', ({ test }) => {
  test('finds one, many and none, and holds nothing for those that left', () => {
    const index = new ConnectionIndex<object>();
    const [a, b, c] = [{}, {}, {}];
    for (const connection of [a, b, b, c]) index.add('shared', connection);
    index.add('own', a);
    assert.equal(index.find('shared').length, 3);
    assert.is(index.find('own')[0], a);
    assert.equal(index.find('other'), []);
    index.remove('own', b);
    assert.is(index.find('own').length, 1);
    for (const connection of [a, b, c, c]) index.remove('shared', connection);
    index.remove('own', a);
    assert.is(index.size, 0);
  });

  test('gives what it held when it was asked, whatever is removed meanwhile', () => {
    const index = new ConnectionIndex<object>();
    const all = [{}, {}, {}];
    for (const connection of all) index.add('t', connection);
    const found = index.find('t');
    for (const connection of found) index.remove('t', connection);
    assert.is(found.length, 3);
    assert.is(index.size, 0);
  });
});
