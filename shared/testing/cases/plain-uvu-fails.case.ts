import { suite } from 'uvu';
import { describe } from '../suite.ts';

describe('ours', ({ test }) => {
  test('holds', () => undefined);
});

const test = suite('plain uvu');
test('fails', () => {
  throw new Error('planted');
});
test.run();
