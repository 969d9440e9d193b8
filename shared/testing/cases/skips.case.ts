import { describe } from '../suite.ts';

describe('skips', ({ test, skip }) => {
  test('holds', () => undefined);
  skip('one', 'planted reason');
});

describe('tools', ({ test, needs, before }) => {
  needs('no-such-tool-anywhere');
  before(() => {
    throw new Error('a skipped suite must not be set up');
  });
  test('two', () => undefined);
});

describe('node', ({ test, needs }) => {
  needs('node');
  test('is there', () => undefined);
});
