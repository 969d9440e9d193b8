import { once } from 'node:events';
import { createServer, type Server } from 'node:net';
import * as assert from 'uvu/assert';
import { describe } from '../../shared/testing/suite.ts';
import { createPortPicker, freePort, isFree, onFreePort } from './ports.ts';

describe('ports', ({ test }) => {
  test('a preferred port is given when it is free, and never twice', async () => {
    const preferred = await freePort();
    const pick = createPortPicker();
    assert.is(await pick(preferred), preferred);
    assert.is.not(await pick(preferred), preferred);
    assert.is(await createPortPicker()(preferred), preferred);
  });

  test('a busy port is replaced, whoever listens on it', async () => {
    for (const host of ['127.0.0.1', '0.0.0.0']) {
      const { server, port } = await listen(host);
      assert.not.ok(await isFree(port));
      assert.is.not(await createPortPicker()(port), port);
      server.close();
    }
  });

  test('free ports given at the same time differ', async () => {
    const ports = await Promise.all(Array.from({ length: 50 }, () => freePort()));
    assert.is(new Set(ports).size, 50);
  });

  test('a start is repeated when its port was taken meanwhile, and only then', async () => {
    const tried: number[] = [];
    const servers: Server[] = [];
    const port = await onFreePort(undefined, async (candidate) => {
      tried.push(candidate);
      if (tried.length > 2) return candidate;
      servers.push((await listen('127.0.0.1', candidate)).server);
      throw new Error('taken');
    });
    assert.is(port, tried[2]);
    for (const server of servers) server.close();
    let calls = 0;
    const broken = onFreePort(undefined, async () => {
      calls += 1;
      throw new Error('broken');
    });
    await broken.catch(() => undefined);
    assert.is(calls, 1);
  });
});

async function listen(host: string, port = 0): Promise<{ server: Server; port: number }> {
  const server = createServer().listen(port, host);
  await once(server, 'listening');
  return { server, port: (server.address() as { port: number }).port };
}
