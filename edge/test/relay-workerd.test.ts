import * as assert from 'uvu/assert';
import { startBundle } from '../../deploy/local/servers/workerd.ts';
import type { NodeInfo } from '../../shared/internal/relay.ts';
import { describe } from '../../shared/testing/suite.ts';
import { openRaw, upgradeRequest } from './raw-client.ts';
import { nodeAt, type RelayUnderTest } from './relay-kit.ts';
import { messages } from './relay-messages.ts';

interface Worker extends RelayUnderTest {
  stop(): Promise<void>;
}

async function start(): Promise<Worker> {
  const { port, url, stop } = await startBundle({
    entry: 'edge/test/relay-worker.ts',
    port: 0,
    bindings: {},
  });
  const setNodes = async (nodes: readonly NodeInfo[]) => {
    await (await fetch(`${url}/nodes`, { method: 'PUT', body: JSON.stringify(nodes) })).text();
  };
  return { port, passesExtensions: false, setNodes, stop };
}

describe('Pass-through of sockets on workerd: messages', (suite) => {
  let worker: Worker;
  suite.before(async () => {
    worker = await start();
  });
  suite.after(() => worker.stop());
  messages(suite, () => worker);
});

/** The runtime reads the request and writes the answer, so what is ours to show is the verdict. */
describe('Pass-through of sockets on workerd: refusals', ({ test, before, after }) => {
  let worker: Worker;
  before(async () => {
    worker = await start();
  });
  after(() => worker.stop());
  const refusal = async (request: string) => {
    const connection = await openRaw(worker.port, request);
    const { status, json } = await connection.answer();
    connection.socket.destroy();
    return [status, json.code];
  };
  const headers = (changed: Readonly<Record<string, string>>) => upgradeRequest({ headers: changed });
  const cases: readonly [what: string, request: string, status: number, code: string][] = [
    ['a foreign web origin', headers({ Origin: 'https://evil.example' }), 403, 'origin_not_allowed'],
    ['another path', upgradeRequest({ line: 'GET /v1/other HTTP/1.1' }), 404, 'not_found'],
    ['another version', headers({ 'Sec-WebSocket-Version': '12' }), 400, 'protocol_unsupported'],
    ['a ticket in the URL', upgradeRequest({ line: 'GET /v1/socket?ticket=a HTTP/1.1' }), 400, 'bad_request'],
  ];
  for (const [what, request, status, code] of cases)
    test(`refuses ${what}, without asking a node`, async () => {
      await worker.setNodes([]);
      assert.equal(await refusal(request), [status, code]);
    });

  test('answers unavailable when there is no node, or none that can be reached', async () => {
    for (const nodes of [[], [nodeAt('n1', 'ws://127.0.0.1:1')]]) {
      await worker.setNodes(nodes);
      assert.equal(await refusal(upgradeRequest()), [503, 'unavailable']);
    }
  });
});
