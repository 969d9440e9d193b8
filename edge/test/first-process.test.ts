import * as assert from 'uvu/assert';
import { createKeys } from '../../deploy/local/keys.ts';
import { freePort } from '../../deploy/local/ports.ts';
import { startEdge } from '../../deploy/local/servers/edge.ts';
import { findFirstProcess } from '../../deploy/local/servers/first-process.ts';
import { describe } from '../../shared/testing/suite.ts';

const { isNamespaced, within, pidOf } = findFirstProcess();

describe(`Edge on Deno, ${isNamespaced ? 'first in a PID namespace' : 'as reaper of orphans'}`, ({
  test,
}) => {
  test('ends with 0 on SIGTERM, which the kernel does not do for it there', async () => {
    const nowhere = `http://127.0.0.1:${await freePort()}`;
    const edge = await startEdge({
      port: await freePort(),
      keys: await createKeys(),
      stateUrl: nowhere,
      stateToken: 'none',
      originApi: [nowhere],
      sockets: [],
      within,
    });
    try {
      assert.is((await fetch(`${edge.url}/livez`)).status, 200);
      process.kill(pidOf(edge.pid), 'SIGTERM');
      assert.is((await edge.ended).code, 0);
    } finally {
      await edge.stop();
    }
  });
});
