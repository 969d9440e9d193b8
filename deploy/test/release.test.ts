import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import * as assert from 'uvu/assert';
import { openNodeSocket } from '../../shared/client/adapters/node-socket.ts';
import { createCrypto } from '../../shared/client/crypto-default.ts';
import { type Client, connectAccount } from '../../shared/client/hushwire.ts';
import { until } from '../../shared/testing/expect.ts';
import { describe } from '../../shared/testing/suite.ts';
import { checkOut, findPrevious, NoPrevious, type Worktree } from '../local/release/previous.ts';
import { type Fleet, startFleet } from '../local/roll/fleet.ts';
import { CHECKOUT } from '../local/servers/checkout.ts';

type Suite = Parameters<typeof describe>[1];

const run = promisify(execFile);
/** Why there is nothing to compare with: a tree without its history, as archives hold it. */
const missing = await findPrevious().then(
  () => undefined,
  (error: unknown) => {
    if (error instanceof NoPrevious) return error.message;
    throw error;
  },
);
const SMALL = ['--connections', '16', '--rate', '60', '--watch', '2'];

interface Outcome {
  readonly accepted: number;
  readonly lost: number;
  readonly duplicated: number;
  readonly reordered: number;
  readonly gapsTold: number;
  readonly rolledBack: boolean;
  readonly reason?: string;
  readonly isDry?: boolean;
}

/** The last line of `npm run release`; throws when it did not end with 0. */
async function release(...args: string[]): Promise<Outcome> {
  const boot = join(CHECKOUT, 'deploy', 'local', 'boot.mjs');
  const { stdout } = await run(process.execPath, [boot, 'release', ...args]);
  return JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as Outcome;
}

const rehearse: Suite = ({ test }) => {
  test('takes the place of the one before, under load, and loses nothing', async () => {
    const { accepted, lost, duplicated, reordered, gapsTold, rolledBack } = await release(...SMALL);
    assert.ok(accepted > 100, `only ${accepted} messages`);
    assert.equal([lost, duplicated, reordered, gapsTold, rolledBack], [0, 0, 0, 0, false]);
  });

  for (const [kind, why] of [
    ['refuses', /^canary: \d+\.\d % of its commands fail/],
    ['dead', /^canary: node-1: Cannot start origin/],
  ] as const)
    test(`that ${kind} is taken back after its first node, and loses nothing either`, async () => {
      const { lost, duplicated, gapsTold, rolledBack, reason } = await release(
        '--bad-canary',
        kind,
        ...SMALL,
      );
      assert.equal([lost, duplicated, gapsTold, rolledBack], [0, 0, 0, true]);
      assert.ok(why.test(reason ?? ''), reason);
    });

  test('changes nothing when it is dry, and says when the history does not know the one before', async () => {
    assert.is((await release('--dry-run')).isDry, true);
    const refused = await release('--dry-run', '--from', 'no-such-tag').catch((error) => error);
    assert.is(refused.code, 1);
    assert.match(refused.stderr, /has no no-such-tag; a clone with its whole history/);
  });
};

const speak: Suite = ({ test, before, after }) => {
  const keys = new Map<string, Uint8Array<ArrayBuffer>>();
  const open: Client[] = [];
  let old: Worktree;
  let fleet: Fleet;
  before(async () => {
    old = await checkOut((await findPrevious()).commit);
    fleet = await startFleet({ nodes: 2, windowMs: 1_000, tree: old.path, say: () => undefined });
    await fleet.replace(1, { isKilled: false, isBeside: false });
  });
  after(async () => {
    for (const client of open) client.close();
    await fleet?.stop();
    await old?.remove();
  });

  const enter = async (node: string) => {
    const client = await connectAccount({
      edge: fleet.edgeUrl,
      openSocket: openNodeSocket,
      crypto: (device) => createCrypto(device, keys),
      node,
      through: 'direct',
    });
    open.push(client);
    assert.is(nodeOf(client), node);
    return client;
  };

  for (const edge of ['before', 'now'] as const)
    test(`speak with one another, by the edge of ${edge}`, async () => {
      if (edge === 'now') await fleet.replaceEdge(undefined);
      const [ann, ben] = [await enter('node-1-0'), await enter('node-2-1')];
      await talk(ann, ben);
      await talk(ben, ann);
    });

  test('a client that moves from the one to the other, and back, goes on where it was', async () => {
    const [ann, ben] = [await enter('node-1-0'), await enter('node-2-1')];
    const channelId = await meet(ann, ben);
    const heard: string[] = [];
    let gaps = 0;
    const channel = ann.channel(channelId);
    channel.on('message', (message) => void heard.push(message.text()));
    channel.on('gap', () => {
      gaps += 1;
    });
    let said = 0;
    /** Says more while the node that Ann is on dies, until she has heard all of it at the other. */
    const moveTo = async (node: string, dying: () => Promise<void>) => {
      const died = dying();
      for (let i = 0; i < 20; i += 1, said += 1) await ben.channel(channelId).publish(String(said));
      await until(() => nodeOf(ann) === node && heard.length >= said, {
        what: `Ann at ${node}`,
        timeoutMs: 40_000,
      });
      await died;
    };
    await moveTo('node-2-1', () => fleet.replace(0, { isKilled: true, isBeside: false, tree: old.path }));
    await moveTo('node-1-1', () => fleet.replace(1, { isKilled: true, isBeside: false }));
    assert.equal(
      heard,
      Array.from({ length: said }, (_, i) => String(i)),
    );
    assert.is(gaps, 0);
  });

  async function meet(one: Client, other: Client): Promise<string> {
    const channelId = await one.createChannel();
    await one.addMember(channelId, other.userId);
    await Promise.all([one, other].map((client) => client.channel(channelId).subscribe()));
    return channelId;
  }

  /** A channel's message, mail, and presence, from the one to the other. */
  async function talk(from: Client, to: Client): Promise<void> {
    const channelId = await meet(from, to);
    const heard: string[] = [];
    to.channel(channelId).on('message', (message) => void heard.push(message.text()));
    await from.channel(channelId).publish('by channel');
    to.mailbox.receive(({ ciphertext }) => void heard.push(new TextDecoder().decode(ciphertext)));
    await to.keys.publish(new TextEncoder().encode('identity'));
    await from.mailbox.send(to.userId, () => new TextEncoder().encode('by mail'));
    await to.channel(channelId).presence.show();
    await until(() => heard.length === 2, { what: 'both messages' });
    assert.equal(heard.toSorted(), ['by channel', 'by mail']);
    await until(async () => (await from.channel(channelId).presence.snapshot()).count === 1, {
      what: 'presence',
    });
  }
};

if (missing === undefined) {
  describe('a release', rehearse, 90_000);
  describe('this release and the one before, on one Redis and one database', speak, 120_000);
} else
  describe('a release without a history', ({ test }) => {
    test('says what it would need', () => {
      console.log(`The release before this one was not run beside it: ${missing}`);
      assert.match(missing, 'a clone with its whole history');
    });
  });

function nodeOf({ state }: Client): string | undefined {
  return state.state === 'online' ? state.node : undefined;
}
