import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import * as assert from 'uvu/assert';
import { until } from '../../../shared/testing/expect.ts';
import { describe } from '../../../shared/testing/suite.ts';
import { type FaultProxy, startFaultProxy } from './proxy.ts';

interface End {
  readonly socket: Socket;
  text: string;
  end: 'open' | 'fin' | 'closed';
}

function watch(socket: Socket): End {
  const end: End = { socket, text: '', end: 'open' };
  socket.on('data', (chunk) => {
    end.text += chunk.toString();
  });
  socket.on('error', () => undefined);
  socket.on('end', () => {
    end.end = 'fin';
  });
  socket.on('close', () => {
    end.end = 'closed';
  });
  return end;
}

describe('A fault proxy', ({ test, before, after }) => {
  let server: Server;
  let proxy: FaultProxy;
  const accepted: End[] = [];
  before(async () => {
    server = createServer({ allowHalfOpen: true }, (socket) => accepted.push(watch(socket)));
    server.listen({ host: '127.0.0.1', port: 0 });
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    proxy = await startFaultProxy({ target: () => port });
  });
  after(async () => {
    await proxy.close();
    server.close();
  });

  const dial = () => {
    const socket = connect({ host: '127.0.0.1', port: proxy.port, allowHalfOpen: true });
    return watch(socket);
  };
  /** Both ends of a fresh connection. */
  const open = async (): Promise<[End, End]> => {
    const count = accepted.length;
    const near = dial();
    near.socket.write('?');
    await until(() => accepted.length > count && accepted.at(-1)?.text === '?', { what: 'a connection' });
    const far = accepted.at(-1) as End;
    far.text = '';
    return [near, far];
  };
  const textIs = (end: End, text: string) => until(() => end.text === text, { what: text });
  const endIs = (end: End, wanted: End['end']) => until(() => end.end === wanted, { what: wanted });

  test('passes bytes and ends on, both ways', async () => {
    const [near, far] = await open();
    near.socket.end('up');
    await textIs(far, 'up');
    await endIs(far, 'fin');
    far.socket.end('down');
    await textIs(near, 'down');
    await endIs(near, 'closed');
    await until(() => proxy.connections === 0, { what: 'no connection' });
  });

  test('stalls one direction while the other flows, and loses nothing by it', async () => {
    const [near, far] = await open();
    proxy.stall('up');
    near.socket.write('late');
    far.socket.write('now');
    await textIs(near, 'now');
    far.socket.write('!');
    await textIs(near, 'now!');
    assert.is(far.text, '');
    proxy.heal();
    await textIs(far, 'late');
    near.socket.destroy();
    await endIs(far, 'fin');
    far.socket.destroy();
  });

  test('keeps a stalled connection open when its peer has gone', async () => {
    const [near, far] = await open();
    proxy.stall();
    near.socket.end('last words');
    await once(dial().socket, 'connect');
    assert.is(far.end, 'open');
    proxy.heal();
    await textIs(far, 'last words');
    await endIs(far, 'fin');
    proxy.cut();
    await endIs(near, 'closed');
  });

  test('delays bytes without changing their order', async () => {
    const [near, far] = await open();
    proxy.delay(60, 'up');
    const startedMs = performance.now();
    near.socket.write('a');
    near.socket.write('b');
    await textIs(far, 'ab');
    assert.ok(performance.now() - startedMs >= 55);
    proxy.heal();
    proxy.cut();
    await Promise.all([endIs(near, 'closed'), endIs(far, 'closed')]);
  });

  test('half-closes one direction and leaves the other', async () => {
    const [near, far] = await open();
    proxy.halfClose('down');
    await endIs(near, 'fin');
    near.socket.write('still heard');
    await textIs(far, 'still heard');
    assert.is(far.end, 'open');
    proxy.cut();
    await endIs(far, 'closed');
  });

  test('refuses whoever is new and keeps whoever is there, until it is healed', async () => {
    const [near, far] = await open();
    proxy.refuse();
    await endIs(dial(), 'closed');
    near.socket.write('here');
    await textIs(far, 'here');
    proxy.heal();
    const [again] = await open();
    proxy.cut();
    await Promise.all([endIs(near, 'closed'), endIs(again, 'closed')]);
    await until(() => proxy.connections === 0, { what: 'no connection' });
  });

  test('holds back a sender instead of its bytes', async () => {
    const [near, far] = await open();
    proxy.stall('up');
    const chunk = Buffer.alloc(1024 * 1024, 'x');
    for (let i = 0; i < 32; i += 1) near.socket.write(chunk);
    proxy.delay(0);
    await new Promise((resolve) => setImmediate(resolve));
    // What the kernel holds on loopback is a few MiB; the rest waits at the sender.
    assert.ok(near.socket.writableLength > 16 * 1024 * 1024, `${near.socket.writableLength}`);
    far.text = '';
    proxy.cut();
    await endIs(near, 'closed');
    proxy.heal();
  });

  test('resets its side when the target is not there', async () => {
    const nowhere = await startFaultProxy({ target: () => 1 });
    const near = watch(connect({ host: '127.0.0.1', port: nowhere.port }));
    await endIs(near, 'closed');
    await nowhere.close();
  });
});
