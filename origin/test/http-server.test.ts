import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import * as assert from 'uvu/assert';
import type { Problem } from '../../shared/failure.ts';
import { until } from '../../shared/testing/expect.ts';
import { describe } from '../../shared/testing/suite.ts';
import { type HttpServer, startHttpServer } from '../adapters/http-server.ts';
import { type HttpHandler, type HttpRequest, jsonAnswer } from '../http.ts';

const BODY_BYTES = 1_000;
const KEEP_ALIVE_MS = 95_000;
/** As in production, only shorter. */
const DEADLINES = { headersMs: 300, requestMs: 500, answerMs: 200 };

describe('http listener', ({ test, afterEach }) => {
  const servers: HttpServer[] = [];
  const events: [event: string, fields: unknown][] = [];
  const echo: HttpHandler = async ({ method, path, body }) =>
    jsonAnswer(200, { method, path, bytes: body.length });
  const start = async (handle: HttpHandler = echo) => {
    const log = (_: unknown, event: string, fields: unknown) => void events.push([event, fields]);
    const bounds = { bodyBytes: BODY_BYTES, keepAliveMs: KEEP_ALIVE_MS, deadlines: DEADLINES };
    const server = await startHttpServer({ host: '127.0.0.1', port: 0, handle, log, ...bounds });
    servers.push(server);
    return server;
  };
  afterEach(async () => {
    for (const server of servers.splice(0)) await server.close(0);
    events.length = 0;
  });
  const urlOf = ({ port }: HttpServer) => `http://127.0.0.1:${port}/x`;

  test('hands over method, path, headers and body as they came', async () => {
    let seen: HttpRequest | undefined;
    const server = await start(async (request) => {
      seen = request;
      return jsonAnswer(201, {});
    });
    const response = await fetch(`${urlOf(server)}/%41?q=1&q=2`, {
      method: 'PUT',
      body: 'ü',
      headers: { 'X-Name': 'value' },
    });
    assert.is(response.status, 201);
    assert.is(response.headers.get('cache-control'), 'no-store');
    assert.is(seen?.method, 'PUT');
    assert.is(seen?.path, '/x/%41?q=1&q=2');
    assert.is(seen?.headers['x-name'], 'value');
    assert.equal(Array.from(seen?.body ?? []), [0xc3, 0xbc]);
  });

  test('reads a body up to its limit and refuses one byte more, announced or not', async () => {
    const server = await start();
    for (const [bytes, status] of [
      [BODY_BYTES - 1, 200],
      [BODY_BYTES, 200],
      [BODY_BYTES + 1, 413],
      [BODY_BYTES * 1_000, 413],
    ] as const) {
      const announced = await fetch(urlOf(server), { method: 'POST', body: 'x'.repeat(bytes) });
      assert.is(announced.status, status);
      const stream = new Blob(['x'.repeat(bytes)]).stream();
      const init: RequestInit & { duplex: 'half' } = { method: 'POST', body: stream, duplex: 'half' };
      assert.is((await fetch(urlOf(server), init)).status, status);
    }
    const refused = await fetch(urlOf(server), { method: 'POST', body: 'x'.repeat(BODY_BYTES + 1) });
    assert.is(((await refused.json()) as Problem).code, 'payload_too_large');
  });

  test('keeps a connection longer than a balancer does, and says so', async () => {
    const server = await start();
    const { socket, text } = dial(server);
    socket.write('GET /a HTTP/1.1\r\nhost: x\r\n\r\n');
    await until(() => text().includes('"/a"'), { what: 'the first answer' });
    assert.match(text(), /keep-alive: timeout=95\r\n/i);
    socket.write('GET /b HTTP/1.1\r\nhost: x\r\n\r\n');
    await until(() => text().includes('"/b"'), { what: 'the second answer' });
    socket.destroy();
  });

  test('HEAD has the length of the answer and none of it', async () => {
    const server = await start();
    const response = await fetch(urlOf(server), { method: 'HEAD' });
    assert.is(
      response.headers.get('content-length'),
      String('{"method":"HEAD","path":"/x","bytes":0}'.length),
    );
    assert.is(await response.text(), '');
  });

  test('a handler that throws is internal, without a word of what it threw', async () => {
    const server = await start(() => Promise.reject(new RangeError('a secret')));
    const response = await fetch(urlOf(server));
    assert.is(response.status, 500);
    assert.not.match(await response.text(), 'secret');
    const [[event, fields] = []] = events;
    assert.is(event, 'http.failed');
    assert.match(JSON.stringify(fields), '"error":"RangeError"');
    assert.not.match(JSON.stringify(events), 'secret');
  });

  test('a handler that never answers is unavailable within the deadline', async () => {
    const server = await start(() => new Promise(() => undefined));
    const response = await fetch(urlOf(server));
    assert.is(response.status, 503);
    assert.is(((await response.json()) as Problem).code, 'unavailable');
  });

  test('what is no HTTP, and headers over their limit, are told so and cut', async () => {
    const server = await start();
    for (const [sent, status] of [
      ['nonsense\r\n\r\n', 400],
      ['GET / HTTP/1.1\r\nhost: x\r\ncontent-length: x\r\n\r\n', 400],
      ['POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n', 400],
      [`GET / HTTP/1.1\r\nhost: x\r\nx: ${'y'.repeat(9_000)}\r\n\r\n`, 413],
    ] as const) {
      const { socket, text } = dial(server);
      socket.write(sent);
      await once(socket, 'close');
      assert.match(text(), new RegExp(`^HTTP/1.1 ${status} `));
      assert.match(text(), /application\/problem\+json/);
    }
    assert.is((await fetch(urlOf(server))).status, 200);
  });

  test('callers that are slow with their headers or their body are cut', async () => {
    const server = await start();
    for (const sent of [
      '',
      'GET / HTTP/1.1\r\nhost',
      'POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\nab',
    ]) {
      const { socket } = dial(server);
      socket.write(sent);
      await until(once(socket, 'close'), { what: 'the cut' });
    }
    assert.equal(events, []);
  });

  test('a caller that leaves in the middle disturbs nobody', async () => {
    let release: (() => void) | undefined;
    const server = await start(async (request) => {
      if (request.path === '/wait') await new Promise<void>((resolve) => (release = resolve));
      return echo(request);
    });
    const { socket } = dial(server);
    socket.write('GET /wait HTTP/1.1\r\nhost: x\r\n\r\n');
    await until(() => release !== undefined, { what: 'the request' });
    socket.destroy();
    const halfway = dial(server).socket;
    halfway.write('POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\nab');
    await once(halfway, 'ready');
    halfway.destroy();
    release?.();
    assert.is((await fetch(urlOf(server))).status, 200);
    assert.equal(events, []);
  });

  test('closing lets a running request end, tells its connection so, and takes no other', async () => {
    let release: (() => void) | undefined;
    const server = await start(async (request) => {
      await new Promise<void>((resolve) => (release = resolve));
      return echo(request);
    });
    const idle = dial(server);
    await once(idle.socket, 'ready');
    const running = fetch(urlOf(server));
    await until(() => release !== undefined, { what: 'the request' });
    const closed = server.close(4_000);
    await until(
      fetch(urlOf(server)).then(
        () => false,
        () => true,
      ),
      { what: 'a refused connection' },
    );
    release?.();
    const response = await running;
    assert.is(response.status, 200);
    assert.is(response.headers.get('connection'), 'close');
    await closed;
    idle.socket.destroy();
  });

  test('closing cuts what has not ended after its grace', async () => {
    let isAsked = false;
    const server = await start(() => {
      isAsked = true;
      return new Promise(() => undefined);
    });
    const asked = fetch(urlOf(server)).then(
      () => 'answered',
      () => 'cut',
    );
    await until(() => isAsked, { what: 'the request' });
    await server.close(50);
    assert.is(await asked, 'cut');
  });

  test('closing serves a request that is already on its way', async () => {
    const server = await start();
    const { socket, text } = dial(server);
    await once(socket, 'ready');
    const closed = server.close();
    socket.write('GET /late HTTP/1.1\r\nhost: x\r\n\r\n');
    await closed;
    await until(() => text().includes('"/late"'), { what: 'the answer' });
    assert.match(text(), /connection: close\r\n/i);
  });

  test('a taken port is an error at once', async () => {
    const { port } = await start();
    const log = () => undefined;
    const options = { host: '127.0.0.1', port, bodyBytes: 0, keepAliveMs: KEEP_ALIVE_MS, handle: echo, log };
    const error = await startHttpServer(options).then(
      () => undefined,
      (thrown: NodeJS.ErrnoException) => thrown,
    );
    assert.is(error?.code, 'EADDRINUSE');
  });
});

/** A raw connection, and what came over it so far. */
function dial({ port }: HttpServer): { readonly socket: Socket; readonly text: () => string } {
  const socket = connect(port, '127.0.0.1');
  let text = '';
  socket.setEncoding('utf8');
  socket.on('data', (data) => {
    text += data;
  });
  // Being cut is what some of these tests are about.
  socket.on('error', () => socket.destroy());
  return { socket, text: () => text };
}
