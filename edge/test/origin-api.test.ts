import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import * as assert from 'uvu/assert';
import { randomId, toBase64Url } from '../../shared/bytes.ts';
import { Failure, toProblem } from '../../shared/failure.ts';
import type { FailureCode } from '../../shared/failures.ts';
import { rejectsWith } from '../../shared/testing/expect.ts';
import { describe } from '../../shared/testing/suite.ts';
import { createSigner, createVerifier, type Signer } from '../../shared/token.ts';
import { createOriginApi } from '../adapters/origin-api.ts';
import { PUBLIC_URL, signingKey } from './harness.ts';

const MEMBER = { channel: randomId(), member: randomId(), sealed: '1.abcd' };
const REQUEST_ID = randomId();

describe('OriginApi over HTTP', ({ test, before, beforeEach, afterEach }) => {
  let signer: Signer;
  let origins: StubOrigin[];
  before(async () => {
    signer = await createSigner(PUBLIC_URL, [await signingKey('k1')]);
  });
  beforeEach(async () => {
    origins = await Promise.all([startStubOrigin(), startStubOrigin()]);
  });
  afterEach(() => Promise.all(origins.map((origin) => origin.stop())));
  const api = (urls = origins.map(({ url }) => url), deadlineMs = 400) =>
    createOriginApi({ urls, signer, clock: { now: Date.now }, random: { id: () => randomId() }, deadlineMs });
  const stub = (index: number) => origins[index] as StubOrigin;

  test('signs each call for its method, path and body, and names the request', async () => {
    await api().addMember(MEMBER, REQUEST_ID);
    await api().nodes(REQUEST_ID);
    const verifier = createVerifier(PUBLIC_URL, signer.publicKeys);
    for (const call of stub(0).calls) {
      const token = call.headers.authorization?.replace('Bearer ', '') ?? '';
      const claims = await verifier.verify('internal', token, Date.now());
      if (typeof claims === 'string') throw new Error(claims);
      assert.is(claims.method, call.method);
      assert.is(claims.path, call.path);
      const hash = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(call.body));
      assert.is(claims.bodyHash, toBase64Url(new Uint8Array(hash)));
      assert.is(call.headers['x-request-id'], REQUEST_ID);
    }
    assert.equal(
      stub(0).calls.map(({ method, path }) => `${method} ${path}`),
      ['POST /internal/v1/members', 'GET /internal/v1/nodes'],
    );
    assert.equal(JSON.parse(stub(0).calls[0]?.body ?? ''), MEMBER);
  });

  test('signs the path behind a prefix as it is requested', async () => {
    await api([`${stub(0).url}/prefix`]).nodes(REQUEST_ID);
    const [call] = stub(0).calls;
    const token = call?.headers.authorization?.replace('Bearer ', '') ?? '';
    const claims = await createVerifier(PUBLIC_URL, signer.publicKeys).verify('internal', token, Date.now());
    assert.is(call?.path, '/prefix/internal/v1/nodes');
    assert.is((claims as { path: string }).path, call?.path);
  });

  const faults: readonly [string, (response: ServerResponse) => void][] = [
    ['breaks off', (response) => response.destroy()],
    ['never answers', () => undefined],
    ['answers half', (response) => response.writeHead(200, { 'content-length': '100' }).write('{"res')],
    ['answers unavailable', (response) => answerProblem(response, 'unavailable')],
    ['is of a release that does not know the call', (response) => answerProblem(response, 'not_found')],
    ['is draining', (response) => answerProblem(response, 'server_draining')],
    ['is behind a proxy that cannot reach it', (response) => response.writeHead(502).end('<html>')],
    ['answers no JSON', (response) => response.end('<html>')],
    ['answers without end', (response) => pour(response)],
    ['sends elsewhere', (response) => response.writeHead(307, { location: 'http://127.0.0.1:1/' }).end()],
  ];
  for (const [what, behave] of faults)
    test(`asks the next origin, with a token of its own, when the first one ${what}`, async () => {
      stub(0).behave = behave;
      assert.is((await api().addMember(MEMBER, REQUEST_ID)).result, 'created');
      assert.is(stub(1).calls.length, 1);
      const tokens = origins.flatMap(({ calls }) => calls.map(({ headers }) => headers.authorization));
      assert.is(new Set(tokens).size, tokens.length);
    });

  for (const [what, behave] of faults)
    test(`answers unavailable within its deadline when every origin ${what}`, async () => {
      for (const origin of origins) origin.behave = behave;
      const startMs = performance.now();
      await rejectsWith(api().addMember(MEMBER, REQUEST_ID), 'unavailable');
      assert.ok(performance.now() - startMs < 2_000);
    });

  test('asks the next origin when the first one is not there, and goes on with that one', async () => {
    await stub(0).stop();
    const calls = api();
    await calls.nodes(REQUEST_ID);
    await calls.nodes(REQUEST_ID);
    assert.is(stub(1).calls.length, 2);
  });

  test('passes over many that are not there', async () => {
    const [gone, there] = [stub(0), stub(1)];
    await gone.stop();
    const calls = api([...Array<string>(5).fill(gone.url), there.url]);
    assert.is((await calls.addMember(MEMBER, REQUEST_ID)).result, 'created');
  });

  test('asks a single origin once more', async () => {
    let failures = 1;
    stub(0).behave = (response) => {
      if (failures > 0) response.destroy();
      else answerGood(response);
      failures -= 1;
    };
    assert.is((await api([stub(0).url]).addMember(MEMBER, REQUEST_ID)).result, 'created');
  });

  for (const code of ['token_refused', 'bad_request', 'conflict', 'internal', 'forbidden'] as const)
    test(`keeps ${code} of an origin to itself: our caller is told internal`, async () => {
      stub(0).behave = (response) => answerProblem(response, code);
      const failure = await rejectsWith(api().addMember(MEMBER, REQUEST_ID), 'internal');
      assert.is((failure.cause as Failure).code, code);
      assert.is(failure.detail, undefined);
      assert.is(stub(1).calls.length, 0);
    });

  const shapes: readonly unknown[] = [
    null,
    [],
    'created',
    {},
    { result: 'done' },
    { devices: {}, sessions: {} },
    { devices: {}, sessions: {}, members: { tag: { sealed: 1, version: 1 } } },
    { devices: {}, sessions: {}, members: { tag: { sealed: '1.a' } } },
    { devices: {}, sessions: {}, members: { tag: { sealed: 'x'.repeat(8_193), version: 1 } } },
    { nodes: {} },
    { nodes: [{ node: 'n1', url: 'http://x', connections: 0, isDraining: false }] },
    { nodes: [{ node: 'n1', url: 'ws://x/', connections: 0, isDraining: false }] },
    { nodes: [{ node: 'n1', url: 'ws://x/path', connections: 0, isDraining: false }] },
    { nodes: [{ node: 'n1', url: 'ws://u:p@x', connections: 0, isDraining: false }] },
    { nodes: [{ node: 'a b', url: 'ws://x', connections: 0, isDraining: false }] },
    { nodes: [{ node: 'n1', url: 'ws://x', connections: 0 }] },
    { nodes: [{ node: 'n1', url: 'ws://x', connections: 0, fullness: 1.5, isDraining: false }] },
  ];
  for (const shape of shapes)
    test(`takes ${JSON.stringify(shape)?.slice(0, 60)} for no answer`, async () => {
      for (const origin of origins) origin.behave = (response) => void response.end(JSON.stringify(shape));
      await rejectsWith(api().addMember(MEMBER, REQUEST_ID), 'internal');
      await rejectsWith(api().read({}, REQUEST_ID), 'internal');
      await rejectsWith(api().nodes(REQUEST_ID), 'internal');
    });
});

interface StubCall {
  readonly method: string | undefined;
  readonly path: string | undefined;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}
interface StubOrigin {
  readonly url: string;
  readonly calls: StubCall[];
  behave: (response: ServerResponse) => void;
  stop(): Promise<void>;
}

async function startStubOrigin(): Promise<StubOrigin> {
  const calls: StubCall[] = [];
  const server: Server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += String(chunk);
    calls.push({ method: request.method, path: request.url, headers: request.headers, body });
    stub.behave(response);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const stub: StubOrigin = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    calls,
    behave: answerGood,
    stop: async () => {
      if (!server.listening) return;
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
  return stub;
}

function answerGood(response: ServerResponse): void {
  response.end(JSON.stringify({ result: 'created', nodes: [], devices: {}, sessions: {}, members: {} }));
}

function answerProblem(response: ServerResponse, code: FailureCode): void {
  const problem = toProblem(new Failure(code, { detail: 'inside' }), randomId());
  response.writeHead(problem.status, { 'content-type': 'application/problem+json' });
  response.end(JSON.stringify(problem));
}

function pour(response: ServerResponse): void {
  const chunk = 'x'.repeat(256 * 1024);
  const more = () => {
    while (!response.destroyed && response.write(chunk));
  };
  response.on('drain', more);
  more();
}
