import { describe } from '../suite.ts';

const calls: string[] = [];

describe('good', ({ test, before, beforeEach, afterEach, after }) => {
  before(() => calls.push('before'));
  beforeEach(() => calls.push('beforeEach'));
  afterEach(() => calls.push('afterEach'));
  after(() => console.log(`calls: ${calls.join(' ')}`));
  test('first', () => calls.push('first'));
  test('second', async () => calls.push('second'));
});
