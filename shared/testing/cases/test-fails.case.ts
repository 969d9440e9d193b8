import * as assert from 'uvu/assert';
import { describe } from '../suite.ts';

describe('test', ({ test }) => {
  test('holds', () => assert.is(1, 1));
  test('fails', () => assert.is(1, 2));
});
