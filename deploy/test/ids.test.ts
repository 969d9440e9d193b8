import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import { openNodeSocket } from '../../shared/client/adapters/node-socket.ts';
import { type Client, connectAccount } from '../../shared/client/hushwire.ts';
import { until } from '../../shared/testing/expect.ts';
import { describe } from '../../shared/testing/suite.ts';
import { temporaryDirectory } from '../local/servers/temporary.ts';
import { type Stack, startStack } from '../local/stack.ts';
import { type Haystack, needlesOf, search } from '../local/try/search.ts';
import { postgresContents, redisContents } from '../local/try/stores.ts';

const TEXTS = ['the first text nobody may read', 'the second text nobody may read'];

describe('ids stop at the edge', ({ test, before, after }) => {
  let dir: string;
  let stack: Stack;
  let secrets: Map<string, string>;
  const clients: Client[] = [];
  before(async () => {
    dir = await temporaryDirectory('ids');
    stack = await startStack({ dir });
    const [a, b] = [await connect('node-1'), await connect('node-2')];
    const channelId = await talk(a, b);
    await makeNoise();
    secrets = new Map([
      ['user id of a', a.userId],
      ['user id of b', b.userId],
      ['device id of a', a.deviceId],
      ['device id of b', b.deviceId],
      ['channel id', channelId],
      ...TEXTS.map((text, i): [string, string] => [`text ${i}`, text]),
    ]);
  });
  after(async () => {
    for (const client of clients) client.close();
    await stack?.stop();
    await rm(dir, { recursive: true, force: true });
  });

  async function connect(node: string): Promise<Client> {
    const client = await connectAccount({ edge: stack.edgeUrl, openSocket: openNodeSocket, node });
    clients.push(client);
    return client;
  }

  /** A channel with two members who each say something; gives back its id. */
  async function talk(a: Client, b: Client): Promise<string> {
    const channelId = await a.createChannel();
    await a.addMember(channelId, b.userId);
    await b.acceptKey(channelId, await a.shareKey(channelId, b.card.agreementKey));
    const [inA, inB] = [a.channel(channelId), b.channel(channelId)];
    const heard: string[] = [];
    inB.on('message', (message) => heard.push(message.text()));
    await Promise.all([inA.subscribe(), inB.subscribe()]);
    for (const text of TEXTS) await inA.publish(text);
    await until(() => heard.length === TEXTS.length, { what: 'the texts' });
    return channelId;
  }

  /** Things that go wrong, because failures are what is logged. */
  async function makeNoise(): Promise<void> {
    const bad = { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{"x"' };
    await fetch(`${stack.edgeUrl}/v1/accounts`, bad);
    await fetch(`${stack.edgeUrl}/v1/nowhere?user=${clients[0]?.userId}`);
    await Promise.all(stack.nodes.map(({ url }) => fetch(`${url.replace('ws', 'http')}/v1/socket`)));
  }

  const idNeedles = () => [...secrets].flatMap(([what, secret]) => needlesOf(what, secret));
  const lines = () => [...stack.edgeLines, ...stack.nodes.flatMap((node) => node.lines)];
  const pieces = (where: string, texts: readonly string[]): Haystack[] =>
    texts.map((text) => ({ where, bytes: Buffer.from(text) }));
  const environments = () =>
    Promise.all(stack.nodes.map(async ({ pid }) => (await readFile(`/proc/${pid}/environ`)).toString()));
  const keyFile = () => readFile(join(dir, 'keys.json'), 'utf8');

  test('neither Redis nor Postgres holds an id or a text', async () => {
    for (const contents of [redisContents(stack.redisUrl), postgresContents(stack.databaseUrl)]) {
      const { findings, pieces: count } = await search(contents, idNeedles());
      assert.equal(findings, []);
      assert.ok(count > 10, `${count} pieces`);
    }
  });

  test('no log of the edge or of a node holds an id or a text', async () => {
    assert.ok(lines().length > 5, `${lines().length} lines`);
    const { findings } = await search(pieces('log', lines()), idNeedles());
    assert.equal(findings, []);
  });

  test('no metric and no health answer of a node holds an id or a text', async () => {
    const asked = stack.nodes.flatMap(({ healthUrl }) => [`${healthUrl}/metrics`, `${healthUrl}/healthz`]);
    const texts = await Promise.all(asked.map(async (url) => (await fetch(url)).text()));
    const { findings } = await search(pieces('health', texts), idNeedles());
    assert.equal(findings, []);
  });

  test('a node has not a single key of the edge, only the public halves', async () => {
    const keys = JSON.parse(await keyFile()) as { signingKeys: string; tagKey: string; sealKeys: string };
    const [{ d = '' } = {}] = (JSON.parse(keys.signingKeys) as { keys: { d?: string }[] }).keys;
    const needles = [
      ...needlesOf('signing key', d),
      ...needlesOf('tag key', keys.tagKey.split(':')[1] ?? ''),
      ...needlesOf('seal key', keys.sealKeys.split(':')[1] ?? ''),
    ];
    const held = pieces('environment of a node', await environments());
    assert.ok(held.every(({ bytes }) => Buffer.from(bytes).includes('HUSHWIRE_ORIGIN_EDGE_KEYS')));
    assert.equal((await search(held, needles)).findings, []);
    const control = await search(pieces('the key file', [await keyFile()]), needles);
    assert.equal(new Set(control.findings.map(({ what }) => what)).size, 3);
  });

  test('the search finds what is there: a tag in the stores, an id in a planted line', async () => {
    const planted = pieces('planted', [`{"event":"x","user":"${secrets.get('user id of a')}"}`]);
    assert.is((await search(planted, idNeedles())).findings.length > 0, true);
  });
}, 60_000);
