import * as assert from 'uvu/assert';
import { fromUtf8, randomId } from '../../shared/bytes.ts';
import { openNodeSocket } from '../../shared/client/adapters/node-socket.ts';
import { createAccount, type Messenger } from '../../shared/client/mls/messenger.ts';
import type { SecureMessage } from '../../shared/client/mls/secure-message.ts';
import {
  createReportKeys,
  createReportReader,
  type Reportable,
  type ReportReaderOptions,
  sealReport,
} from '../../shared/client/report.ts';
import { rejectsWith, until } from '../../shared/testing/expect.ts';
import { describe } from '../../shared/testing/suite.ts';
import type { PublicKeys } from '../../shared/token.ts';
import { type Stack, startStack } from '../local/stack.ts';

describe('reports from an MLS group', ({ test, before, after }) => {
  let stack: Stack;
  let ann: Messenger;
  let ben: Messenger;
  let message: Reportable;
  let channelId: string;
  let otherId: string;
  let reading: ReportReaderOptions;
  before(async () => {
    stack = await startStack();
    const open = (node: string) =>
      createAccount({ edge: stack.edgeUrl, node, openSocket: openNodeSocket, keyPackages: 3 });
    [ann, ben] = await Promise.all([open('node-1'), open('node-2')]);
    const inAnn = await ann.channels.create([ben.userId]);
    ({ channelId } = inAnn);
    ({ channelId: otherId } = await ann.channels.create([ben.userId]));
    const inBen = await ben.channels.join(channelId);
    const heard: SecureMessage[] = [];
    inAnn.on('message', (one) => void heard.push(one));
    await inBen.send('An insult');
    await until(() => heard.length > 0, { what: 'the message' });
    message = need(heard[0]).reportable;
    const jwks = await fetch(`${stack.edgeUrl}/.well-known/jwks.json`);
    const publicKeys = (await jwks.json()) as PublicKeys;
    reading = { channelId, keys: await createReportKeys(), edge: stack.edgeUrl, publicKeys };
  });
  after(async () => {
    await Promise.all([ann?.close(), ben?.close()]);
    await stack?.stop();
  });

  const evidence = () => need(message.evidence);
  const seal = async (change: Partial<Reportable> = {}, at = channelId) => {
    const to = [reading.keys.publicKey];
    const reports = await sealReport(ann.client.moderation(at), { message: { ...message, ...change }, to });
    return need(reports[0]);
  };
  const isRefused = (change: Partial<Reportable>, at?: string) =>
    rejectsWith(seal(change, at), 'report_refused');

  test('prove to a moderator who sent what, once', async () => {
    const read = createReportReader(reading);
    const report = await seal();
    const { messageId, from, bytes } = await read(report);
    assert.equal([messageId, from, fromUtf8(bytes)], [message.id, message.from, 'An insult']);
    await rejectsWith(read(report), 'conflict');
    await rejectsWith(read(await seal()), 'conflict');
  });

  test('are refused with a forged sender, another message, channel or day', async () => {
    await isRefused({ from: randomId() });
    await isRefused({ id: randomId() });
    await isRefused({}, otherId);
    const [hour, mac] = evidence().stamp.split('.');
    await isRefused({ evidence: { ...evidence(), stamp: `${Number(hour) - 24}.${mac}` } });
    await isRefused({ evidence: { ...evidence(), commitment: 'A'.repeat(43) } });
    const elsewhere = createReportReader({ ...reading, channelId: otherId });
    await rejectsWith(elsewhere(await seal()), 'report_refused');
  });

  test('are refused by the moderator with altered text or a bogus opening', async () => {
    const read = createReportReader(reading);
    await rejectsWith(read(await seal({ bytes: new Uint8Array(3) })), 'report_refused');
    const bogus = { ...evidence(), opening: 'A'.repeat(43) };
    await rejectsWith(read(await seal({ evidence: bogus })), 'report_refused');
  });
}, 30_000);

function need<T>(value: T | undefined): T {
  if (value === undefined) throw new TypeError('Missing');
  return value;
}
