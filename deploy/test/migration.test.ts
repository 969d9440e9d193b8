import * as assert from 'uvu/assert';
import { openNodeSocket } from '../../shared/client/adapters/node-socket.ts';
import { chat as overHushwire } from '../../shared/client/examples/chat-hushwire.ts';
import { chat as overSocketIo } from '../../shared/client/examples/chat-socket-io.ts';
import { describe } from '../../shared/testing/suite.ts';
import { type Stack, startStack } from '../local/stack.ts';

/** What both examples are about. */
const STORY = [
  'ben hears: hello',
  'ann sees that ben types',
  'ben hears: while you were away',
  'ben is out',
  'ben can say nothing more',
];

describe('moving from Socket.IO', ({ test, before, after }) => {
  let stack: Stack;
  before(async () => {
    stack = await startStack({ nodes: 1 });
  });
  after(() => stack?.stop());

  test('begins with a chat over Socket.IO', async () => {
    assert.equal(await overSocketIo(), STORY);
  });

  test('ends with the same chat over Hushwire', async () => {
    const options = { edge: stack.edgeUrl, openSocket: openNodeSocket, keyPackages: 3 };
    assert.equal(await overHushwire({ ...options, backoff: { baseMs: 20, capMs: 200 } }), STORY);
  });
}, 60_000);
