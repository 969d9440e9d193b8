import { decodeGroupState } from 'ts-mls';
import * as assert from 'uvu/assert';
import { utf8 } from '../../shared/bytes.ts';
import { createAccount } from '../../shared/client/mls/messenger.ts';
import { type GroupStore, loadChannel, memoryGroups, unpack } from '../../shared/client/mls/store.ts';
import { until } from '../../shared/testing/expect.ts';
import { describe } from '../../shared/testing/suite.ts';
import { type Stack, startStack } from '../local/stack.ts';
import { Network } from '../local/try/network.ts';
import { needlesOf, search } from '../local/try/search.ts';
import { postgresContents, redisContents } from '../local/try/stores.ts';

const PLAINTEXT = 'what only the two of them may read';

describe('what a messenger keeps to itself', ({ test, before, after }) => {
  let stack: Stack;
  before(async () => {
    stack = await startStack();
  });
  after(() => stack?.stop());

  test('is in no store and in no frame: keys, epoch secrets, channel id and text', async () => {
    const [network, groups] = [new Network(), memoryGroups()];
    const { openSocket, fetch } = network;
    const ports = { edge: stack.edgeUrl, openSocket, fetch, keyPackages: 3 };
    const [ann, ben] = [await createAccount({ ...ports, groups }), await createAccount(ports)];
    try {
      const channel = await ann.channels.create([ben.userId]);
      const inBen = await ben.channels.join(channel.channelId);
      const heard: string[] = [];
      inBen.on('message', ({ text }) => heard.push(text()));
      await channel.send(PLAINTEXT);
      await channel.renew();
      await channel.send(PLAINTEXT);
      await until(() => heard.length === 2, { what: 'both messages' });
      const secrets = await secretsOf(groups, channel.channelId);
      assert.ok(secrets.length > 20, `${secrets.length} secrets`);
      const needles = secrets.flatMap((secret, i) => needlesOf(`secret ${i}`, secret));
      const stored = [redisContents(stack.redisUrl), postgresContents(stack.databaseUrl)];
      const frames = network.frames.map((text) => ({ where: 'wire', bytes: utf8(text) }));
      for (const place of [...stored, frames]) {
        const { findings, pieces } = await search(place, needles);
        assert.equal(findings, []);
        assert.ok(pieces > 5, `${pieces} pieces`);
      }
      const planted = [{ where: 'planted', bytes: secrets[0] ?? new Uint8Array() }];
      assert.is((await search(planted, needles)).findings.length > 0, true);
    } finally {
      ann.close();
      ben.close();
    }
  });
}, 60_000);

/** Private keys, the secrets of the present epoch, what is exported of it, the channel's id, and the text. */
async function secretsOf(groups: GroupStore, channelId: string): Promise<Uint8Array[]> {
  const found: Uint8Array[] = [utf8(channelId), utf8(PLAINTEXT)];
  const packed = await Promise.all((await groups.keys('package:')).map((key) => groups.get(key)));
  for (const item of packed)
    found.push(
      ...Object.values(
        unpack<{ privatePackage: Record<string, Uint8Array> }>(item ?? new Uint8Array()).privatePackage,
      ),
    );
  const record = await loadChannel(groups, channelId);
  const state = decodeGroupState(record?.group ?? new Uint8Array(), 0)?.[0];
  if (state === undefined) throw new Error('No group is stored');
  const { keySchedule, signaturePrivateKey, privatePath } = state;
  const schedule = Object.values(keySchedule).filter((value) => value instanceof Uint8Array);
  found.push(signaturePrivateKey, ...schedule, ...Object.values(privatePath.privateKeys));
  return found;
}
