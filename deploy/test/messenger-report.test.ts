import * as assert from 'uvu/assert';
import { fromUtf8, randomId } from '../../shared/bytes.ts';
import { openNodeSocket } from '../../shared/client/adapters/node-socket.ts';
import { createAccount, type Messenger } from '../../shared/client/mls/messenger.ts';
import type { SecureMessage } from '../../shared/client/mls/secure-message.ts';
import { createReportKeys, createReportReader, sealReport } from '../../shared/client/report.ts';
import { rejectsWith, until } from '../../shared/testing/expect.ts';
import { describe } from '../../shared/testing/suite.ts';
import type { PublicKeys } from '../../shared/token.ts';
import { type Stack, startStack } from '../local/stack.ts';

describe('reports from an MLS group', ({ test, before, after }) => {
  let stack: Stack;
  let ann: Messenger;
  let ben: Messenger;
  before(async () => {
    stack = await startStack();
    const open = (node: string) =>
      createAccount({ edge: stack.edgeUrl, node, openSocket: openNodeSocket, keyPackages: 2 });
    [ann, ben] = await Promise.all([open('node-1'), open('node-2')]);
  });
  after(async () => {
    await Promise.all([ann?.close(), ben?.close()]);
    await stack?.stop();
  });

  test('prove to a moderator who sent what, and nothing that was altered', async () => {
    const inAnn = await ann.channels.create([ben.userId]);
    const { channelId } = inAnn;
    const inBen = await ben.channels.join(channelId);
    const heard: SecureMessage[] = [];
    inAnn.on('message', (message) => void heard.push(message));
    const id = randomId();
    await inBen.send('An insult', id);
    await until(() => heard.length > 0, { what: 'the message' });
    const message = heard[0]?.reportable;
    if (message === undefined) throw new TypeError('Nothing came');
    assert.is(message.id, id);

    const keys = await createReportKeys();
    const jwks = await fetch(`${stack.edgeUrl}/.well-known/jwks.json`);
    const publicKeys = (await jwks.json()) as PublicKeys;
    const read = createReportReader({ channelId, keys, edge: stack.edgeUrl, publicKeys });
    const moderation = ann.client.moderation(channelId);
    const seal = async (bytes: Uint8Array) => {
      const [report = ''] = await sealReport(moderation, {
        message: { ...message, bytes },
        to: [keys.publicKey],
      });
      return report;
    };
    await rejectsWith(read(await seal(new Uint8Array(3))), 'report_refused');
    const report = await read(await seal(message.bytes));
    assert.equal([report.messageId, report.from, fromUtf8(report.bytes)], [id, message.from, 'An insult']);
  });
});
