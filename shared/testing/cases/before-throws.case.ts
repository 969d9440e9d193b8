import { describe } from '../suite.ts';

describe('before', ({ test, before, after }) => {
  before(() => {
    throw new Error('planted');
  });
  after(() => console.log('after ran'));
  test('needs the set-up', () => undefined);
});
