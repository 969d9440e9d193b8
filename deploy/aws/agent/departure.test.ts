import * as assert from 'uvu/assert';
import { describe } from '../../../shared/testing/suite.ts';
import { createDeparture, type DeparturePorts } from './departure.ts';

/** Ports that say what the fields say, and note what is done. */
function instance(said: { lifecycle?: string; target?: string; hasHook?: boolean }) {
  const done: string[] = [];
  const ports: DeparturePorts = {
    lifecycleState: async () => said.lifecycle,
    targetState: async () => said.target,
    stopOrigin: async () => {
      done.push('stop');
    },
    completeHook: async () => {
      done.push('hook');
      return said.hasHook ?? false;
    },
    log: () => undefined,
  };
  return { said, done, look: createDeparture(ports) };
}

describe('departure', ({ test }) => {
  test('is not begun while in service, nor when nobody can say', async () => {
    for (const said of [
      { lifecycle: 'InService', target: 'healthy' },
      { target: 'unhealthy' },
      { target: 'initial' },
      {},
    ]) {
      const { look, done } = instance(said);
      assert.is(await look(), 'staying');
      assert.equal(done, []);
    }
  });

  for (const said of [{ lifecycle: 'Terminated' }, { target: 'draining' }])
    test(`begins at the first sign: ${JSON.stringify(said)}`, async () => {
      const { look, done } = instance(said);
      assert.is(await look(), 'leaving');
      assert.equal(done, ['stop', 'hook']);
    });

  test('stops the origin once, and ends the hook when there is one', async () => {
    const { look, done, said } = instance({ target: 'draining' });
    await look();
    said.target = 'healthy';
    assert.is(await look(), 'leaving', 'what was begun is not undone');
    said.hasHook = true;
    assert.is(await look(), 'gone');
    assert.equal(done, ['stop', 'hook', 'hook', 'hook']);
  });

  test('does not end the hook before the drain', async () => {
    const { promise, resolve } = deferred();
    const done: string[] = [];
    const look = createDeparture({
      lifecycleState: async () => 'Terminated',
      targetState: async () => undefined,
      stopOrigin: () => promise,
      completeHook: async () => {
        done.push('hook');
        return true;
      },
      log: (event) => done.push(event),
    });
    const looking = look();
    await new Promise(setImmediate);
    assert.equal(done, ['departure.begun']);
    resolve();
    assert.is(await looking, 'gone');
    assert.equal(done, ['departure.begun', 'departure.drained', 'hook']);
  });
});

function deferred(): { promise: Promise<void>; resolve: () => void } {
  let resolve = (): void => undefined;
  const promise = new Promise<void>((done) => {
    resolve = done;
  });
  return { promise, resolve: () => resolve() };
}
