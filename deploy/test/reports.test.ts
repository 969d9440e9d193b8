import * as assert from 'uvu/assert';
import { openNodeSocket } from '../../shared/client/adapters/node-socket.ts';
import { createCrypto } from '../../shared/client/crypto-default.ts';
import { type Client, connectAccount } from '../../shared/client/hushwire.ts';
import type { Message } from '../../shared/client/reader.ts';
import {
  createReportKeys,
  createReportReader,
  type ReportReaderOptions,
  sealReport,
} from '../../shared/client/report.ts';
import { rejectsWith, until } from '../../shared/testing/expect.ts';
import { describe } from '../../shared/testing/suite.ts';
import type { PublicKeys } from '../../shared/token.ts';
import { type Stack, startStack } from '../local/stack.ts';

function need<T>(value: T | undefined): T {
  if (value === undefined) throw new TypeError('Missing');
  return value;
}

/** A stamp of another hour, or of another day. */
function moved(stamp: string, hours: number): string {
  const [hour, mac] = stamp.split('.');
  return `${Number(hour) + hours}.${mac}`;
}

describe('reports across two nodes', ({ test, before, after }) => {
  let stack: Stack;
  let owner: Client;
  let member: Client;
  let stranger: Client;
  let channelId: string;
  let otherId: string;
  let message: Message;
  let reading: ReportReaderOptions;
  const keys = new Map<string, Uint8Array<ArrayBuffer>>();
  before(async () => {
    stack = await startStack();
    const connect = (node: string) =>
      connectAccount({
        edge: stack.edgeUrl,
        node,
        openSocket: openNodeSocket,
        crypto: (device) => createCrypto(device, keys),
      });
    [owner, member, stranger] = await Promise.all([connect('node-1'), connect('node-2'), connect('node-1')]);
    [channelId, otherId] = await Promise.all([owner.createChannel(), owner.createChannel()]);
    for (const id of [channelId, otherId]) await owner.addMember(id, member.userId);
    message = await hear('An insult');
    const jwks = await fetch(`${stack.edgeUrl}/.well-known/jwks.json`);
    const publicKeys = (await jwks.json()) as PublicKeys;
    reading = { channelId, keys: await createReportKeys(), edge: stack.edgeUrl, publicKeys };
  });
  after(async () => {
    for (const client of [owner, member, stranger]) client?.close();
    await stack?.stop();
  });

  const hear = async (text: string): Promise<Message> => {
    const [from, to] = [owner.channel(channelId), member.channel(channelId)];
    await Promise.all([from.subscribe(), to.subscribe()]);
    const heard: Message[] = [];
    const stop = to.on('message', (one) => void heard.push(one));
    await from.publish(text);
    await until(() => heard.length > 0, { what: 'the message' });
    stop();
    return need(heard[0]);
  };
  const evidence = () => need(message.evidence);
  const relayed = () => {
    const { commitment, stamp } = evidence();
    return { message: message.id, from: message.from, commitment, stamp };
  };
  const seal = async (of: Message, by = member) => {
    const [report] = await sealReport(by.moderation(channelId), {
      message: of,
      to: [reading.keys.publicKey],
    });
    return need(report);
  };

  test('prove to a moderator who sent what, and in which hour', async () => {
    const report = await createReportReader(reading)(await seal(message));
    assert.is(new TextDecoder().decode(report.bytes), 'An insult');
    assert.is(report.from, message.from);
    assert.is(report.messageId, message.id);
    assert.ok(Math.abs(Date.now() - report.relayedMs) < 2 * 3_600_000);
  });

  test('are refused by the edge with a forged sender, message, commitment, hour or day', async () => {
    const { stamp } = relayed();
    const forgeries = [
      { from: 'A'.repeat(22) },
      { message: 'A'.repeat(22) },
      { commitment: 'A'.repeat(43) },
      { stamp: moved(stamp, 1) },
      { stamp: moved(stamp, -24) },
      { stamp: moved(stamp, -24 * 15) },
      { stamp: `${stamp.split('.')[0]}.${'A'.repeat(43)}` },
    ];
    for (const forged of forgeries)
      await rejectsWith(member.moderation(channelId).attest({ ...relayed(), ...forged }), 'report_refused');
    assert.type(await member.moderation(channelId).attest(relayed()), 'string');
  });

  test('are refused for another channel, and to strangers', async () => {
    await rejectsWith(member.moderation(otherId).attest(relayed()), 'report_refused');
    await rejectsWith(stranger.moderation(channelId).attest(relayed()), 'forbidden');
    const elsewhere = createReportReader({ ...reading, channelId: otherId });
    await rejectsWith(elsewhere(await seal(message)), 'report_refused');
  });

  test('are refused by the moderator with altered text or a bogus opening', async () => {
    const altered = { ...message, bytes: new TextEncoder().encode('A worse insult') };
    await rejectsWith(createReportReader(reading)(await seal(altered)), 'report_refused');
    const bogus = { ...message, evidence: { ...evidence(), opening: 'A'.repeat(43) } };
    await rejectsWith(createReportReader(reading)(await seal(bogus)), 'report_refused');
  });

  test('are refused when replayed, also under a fresh attestation', async () => {
    const read = createReportReader(reading);
    const report = await seal(message);
    await read(report);
    await rejectsWith(read(report), 'conflict');
    await rejectsWith(read(await seal(message)), 'conflict');
  });

  test('open to no other keys, and with no other edge’s word', async () => {
    const report = await seal(message);
    await rejectsWith(
      createReportReader({ ...reading, keys: await createReportKeys() })(report),
      'bad_request',
    );
    await rejectsWith(
      createReportReader({ ...reading, edge: 'https://other.example' })(report),
      'report_refused',
    );
  });
}, 30_000);
