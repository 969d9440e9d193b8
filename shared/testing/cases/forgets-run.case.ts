import { suite } from 'uvu';

const test = suite('plain uvu');
test('is never run', () => undefined);
