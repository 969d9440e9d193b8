import * as assert from 'uvu/assert';
import { describe } from '../testing/suite.ts';
import { Emitter } from './emitter.ts';

describe('emitter', ({ test }) => {
  test('calls the listeners of a name in order, until they leave', () => {
    const emitter = new Emitter<{ a: number; b: string }>();
    const seen: unknown[] = [];
    const stop = emitter.on('a', (n) => seen.push(['first', n]));
    emitter.on('a', (n) => seen.push(['second', n]));
    emitter.on('b', (text) => seen.push(text));
    emitter.emit('a', 1);
    stop();
    emitter.emit('a', 2);
    assert.equal(seen, [
      ['first', 1],
      ['second', 1],
      ['second', 2],
    ]);
  });

  test('serves the others when one throws, and reports it as uncaught', async () => {
    const emitter = new Emitter<{ a: number }>();
    const seen: number[] = [];
    emitter.on('a', () => {
      throw new Error('of the application');
    });
    emitter.on('a', (n) => seen.push(n));
    const [takeOver] = process.listeners('uncaughtException');
    const reported = new Promise<Error>((resolve) => {
      process.removeAllListeners('uncaughtException').once('uncaughtException', resolve);
    });
    emitter.emit('a', 1);
    const { message } = await reported;
    if (takeOver !== undefined) process.on('uncaughtException', takeOver);
    assert.is(message, 'of the application');
    assert.equal(seen, [1]);
  });
});
