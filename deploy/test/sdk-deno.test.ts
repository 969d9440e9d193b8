import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import type { Chat } from '../../shared/client/examples/chat.ts';
import { EXPECTED_LOADS } from '../../shared/client/test/outbox-contract.ts';
import { describe } from '../../shared/testing/suite.ts';
import { CHECKOUT } from '../local/servers/checkout.ts';
import { findDeno } from '../local/servers/edge.ts';
import { startProcess } from '../local/servers/process.ts';
import { temporaryDirectory } from '../local/servers/temporary.ts';
import { type Stack, startStack } from '../local/stack.ts';
import type { Talk } from './programs/sdk-talk.ts';

describe('the SDK on Deno', ({ test, before, after }) => {
  let stack: Stack;
  let cache: string;
  before(async () => {
    stack = await startStack();
    cache = await temporaryDirectory('deno-sdk');
  });
  after(async () => {
    await stack?.stop();
    await rm(cache, { recursive: true, force: true });
  });

  test('talks across two nodes, directly and through the edge, with the network alone permitted', async () => {
    const hosts = [stack.edgeUrl, ...stack.nodes.map(({ url }) => url)].map((url) => new URL(url).host);
    const program = await startProcess({
      name: 'Deno program',
      command: await findDeno(),
      args: [
        ...['run', '--no-prompt', '--no-remote', '--cached-only', '--no-lock', '--node-modules-dir=manual'],
        ...[`--allow-net=${hosts.join(',')}`, '-'],
      ],
      cwd: CHECKOUT,
      env: { DENO_DIR: cache, DENO_NO_UPDATE_CHECK: '1', NO_COLOR: '1' },
      input: `
          import { talk } from './deploy/test/programs/sdk-talk.ts';
          import { chat } from './shared/client/examples/chat.ts';
          const edge = ${JSON.stringify(stack.edgeUrl)};
          const heard = await talk(edge);
          console.log(JSON.stringify({ ...heard, chat: await chat({ edge, keyPackages: 3 }) }));`,
      isReady: (line) => line.startsWith('{'),
    });
    const { code } = await program.ended;
    const talk = JSON.parse(program.lines.find((line) => line.startsWith('{')) ?? '{}') as Talk & {
      chat: Chat;
    };
    assert.is(code, 0);
    assert.equal(talk.nodes, ['node-1', 'node-2']);
    assert.equal(talk.heard, ['b: to b', 'b: to a']);
    assert.equal(talk.chat, { heard: ['hello', 'you said hello'], file: 'a file' });
  });

  test('keeps its outbox in files, with one directory permitted besides', async () => {
    const directory = join(cache, 'home', 'outbox');
    const program = await startProcess({
      name: 'Deno program',
      command: await findDeno(),
      args: [
        ...['run', '--no-prompt', '--no-remote', '--cached-only', '--no-lock', '--node-modules-dir=manual'],
        ...[`--allow-read=${cache}`, `--allow-write=${cache}`, '-'],
      ],
      cwd: CHECKOUT,
      env: { DENO_DIR: cache, DENO_NO_UPDATE_CHECK: '1', NO_COLOR: '1' },
      input: `
          import { fileOutbox } from './shared/client/adapters/file-outbox.ts';
          import { exerciseOutbox } from './shared/client/test/outbox-contract.ts';
          console.log(JSON.stringify(await exerciseOutbox(() => fileOutbox(${JSON.stringify(directory)}))));`,
      isReady: (line) => line.startsWith('['),
    });
    const { code } = await program.ended;
    assert.is(code, 0);
    assert.equal(JSON.parse(program.lines.find((line) => line.startsWith('[')) ?? '[]'), EXPECTED_LOADS);
  });
}, 60_000);
