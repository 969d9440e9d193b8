import { execFileSync } from 'node:child_process';
import { readdir, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import * as assert from 'uvu/assert';
import { until } from '../../shared/testing/expect.ts';
import { describe } from '../../shared/testing/suite.ts';
import { parse, UsageError } from '../cli/command.ts';
import { temporaryDirectory } from '../local/servers/temporary.ts';
import { type Stack, startStack } from '../local/stack.ts';
import { begin, cli, type Fields, json, linesOf, type Started, start } from './cli-shell.ts';

describe('hushwire on the command line', ({ test, before, after, afterEach, needs }) => {
  needs('oathtool');
  let stack: Stack;
  let homes: string;
  /** Their users; each test has a channel of its own. */
  let ann: string;
  let ben: string;
  const started: Started[] = [];
  before(async () => {
    [stack, homes] = await Promise.all([startStack(), temporaryDirectory('cli')]);
    [ann, ben] = await Promise.all([signUp('ann'), signUp('ben')]);
  });
  afterEach(async () => {
    for (const { child, ended } of started.splice(0)) {
      child.kill('SIGKILL');
      await ended;
    }
  });
  after(async () => {
    await stack?.stop();
    await rm(homes, { recursive: true, force: true });
  });

  const at = (name: string) => ['--home', join(homes, name)];
  const run = (...args: string[]) => {
    const one = start(...args);
    started.push(one);
    return one;
  };
  async function signUp(name: string): Promise<string> {
    const [who] = await json(['sign-up', '--edge', stack.edgeUrl, ...at(name)]);
    return String(who?.userId);
  }
  const texts = (messages: readonly Fields[]) => messages.map(({ text }) => text);

  test('signs up, keeps the keys to its owner, and signs the same account in again', async () => {
    const userId = await signUp('keys');
    const files = await readdir(join(homes, 'keys'), { recursive: true, withFileTypes: true });
    for (const file of files.filter((one) => one.isFile() && !one.name.endsWith('.part')))
      assert.is((await stat(join(file.parentPath, file.name))).mode & 0o077, 0, file.name);
    assert.is((await json(['sign-in', ...at('keys')]))[0]?.userId, userId);
    assert.match((await cli(['sign-up', '--edge', stack.edgeUrl, ...at('keys')])).err, /already/);
  });

  test('talks in channels: pipes in, JSON out, and what came while nobody listened', async () => {
    const [made] = await json(['channels', 'create', ben, ...at('ann')]);
    const channel = String(made?.channel);
    const published = await json(['publish', channel, ...at('ann')], 'one\ntwo \u001b[31m\n\nfour');
    assert.is(published.length, 4);
    await json(['channels', 'join', channel, ...at('ben')]);
    const users = (await json(['members', channel, ...at('ben')])).map(({ userId }) => String(userId));
    assert.equal(users.sort(), [ann, ben].sort());

    const [first] = await json(['listen', channel, '--count', '1', ...at('ben')]);
    const { id, epoch, offset } = published[0] ?? {};
    assert.equal(
      [first?.text, first?.userId, first?.id, first?.epoch, first?.offset],
      ['one', ann, id, epoch, offset],
    );
    await json(['publish', channel, 'five', ...at('ben')]);
    const plain = await cli(['listen', '--count', '1', ...at('ben')]);
    assert.is(plain.out, `${channel} ${ann}: two \\u001b[31m\n`);
    assert.equal(texts(await json(['listen', '--count', '2', ...at('ben')])), ['', 'four']);
    assert.equal(texts(await json(['listen', '--count', '1', ...at('ann')])), ['five']);
  });

  test('sends to one user, always in the same channel, and back', async () => {
    const [one] = await json(['send', ben, 'hello', ...at('ann')]);
    const [two] = await json(['send', ben, '--whole', ...at('ann')], 'two\nlines');
    assert.is(two?.channel, one?.channel);
    const heard = await json(['listen', String(one?.channel), '--count', '2', ...at('ben')]);
    assert.equal(texts(heard), ['hello', 'two\nlines']);
    const [back] = await json(['send', ann, 'back', ...at('ben')]);
    assert.is(back?.channel, one?.channel);
    assert.is((await cli(['send', 'nobody', 'x', ...at('ann')])).code, 1);
  });

  test('bans, lists bans, lifts, and invites again', async () => {
    const [made] = await json(['channels', 'create', ben, ...at('ann')]);
    const channel = String(made?.channel);
    await json(['channels', 'join', channel, ...at('ben')]);
    await json(['ban', channel, ben, '--until', '2099-12-31', ...at('ann')]);
    const refused = await cli(['publish', channel, 'x', ...at('ben')]);
    assert.is(refused.code, 1);
    assert.match(refused.err, /\(not_a_member\)/);
    assert.equal(
      (await json(['bans', channel, ...at('ann')])).map(({ until }) => until),
      ['2099-12-31'],
    );
    assert.is((await json(['members', channel, ...at('ann')])).length, 1);
    await json(['lift', channel, ben, ...at('ann')]);
    assert.equal(await json(['bans', channel, ...at('ann')]), []);
    await json(['channels', 'invite', channel, ben, ...at('ann')]);
    assert.is((await json(['members', channel, ...at('ann')])).length, 2);
    assert.is((await cli(['ban', channel, ben, '--until', 'soon', ...at('ann')])).code, 2);
  });

  test('adds a device, which hears what is said from then on, and removes it', async () => {
    const channel = String((await json(['channels', 'create', ben, ...at('ann')]))[0]?.channel);
    const joining = run('sign-in', '--user', ann, '--edge', stack.edgeUrl, '--json', ...at('second'));
    await until(() => joining.out().includes('\n'), { what: 'the request', timeoutMs: 20_000 });
    const added = await cli(['devices', 'add', ...at('ann')], joining.out().split('\n')[0]);
    assert.is(added.code, 0, added.err);
    assert.is(await joining.ended, 0, joining.err());
    const deviceId = String(linesOf(joining.out())[1]?.deviceId);
    await json(['channels', 'join', channel, ...at('second')]);
    await json(['publish', channel, 'to both', ...at('ann')]);
    assert.equal(texts(await json(['listen', '--count', '1', ...at('second')])), ['to both']);
    assert.is((await json(['devices', ...at('ann')])).length, 2);
    await json(['devices', 'remove', deviceId, ...at('ann')]);
    assert.is((await json(['devices', ...at('ann')])).length, 1);
    assert.is((await cli(['sign-in', ...at('second')])).code, 1);
  });

  test('is killed between sending and the answer, and sends it again once, in order', async () => {
    const channel = String((await json(['channels', 'create', ben, ...at('ann')]))[0]?.channel);
    const outbox = join(homes, 'ann', 'outbox');
    const publishing = run('publish', channel, '--json', ...at('ann'));
    publishing.child.stdin.write('before\n');
    await until(() => publishing.out().includes('\n'), { what: 'the connection', timeoutMs: 20_000 });
    const held = stack.nodes.map((one) => one.pid);
    for (const one of held) process.kill(one, 'SIGSTOP');
    try {
      publishing.child.stdin.write('one\ntwo\n');
      await until(async () => (await readdir(outbox)).filter((name) => name.endsWith('.json')).length === 2, {
        what: 'both in the outbox',
      });
      publishing.child.kill('SIGKILL');
      await publishing.ended;
    } finally {
      for (const one of held) process.kill(one, 'SIGCONT');
    }
    const next = await cli(['publish', channel, 'after', ...at('ann')]);
    assert.is(next.code, 0, next.err);
    assert.is(next.err.match(/Sent what an earlier command had left/g)?.length, 2);
    assert.equal(await readdir(outbox), []);
    const heard = await json(['listen', channel, '--count', '4', ...at('ben')]);
    assert.equal(texts(heard), ['before', 'one', 'two', 'after']);
    assert.equal(
      heard.map(({ offset }) => Number(offset) - Number(heard[0]?.offset)),
      [0, 1, 2, 3],
    );
  });

  test('ends cleanly by Ctrl-C and with its reader, and keeps a second command off', async () => {
    const channel = String((await json(['channels', 'create', ben, ...at('ann')]))[0]?.channel);
    const talking = run('talk', channel, ...at('ben'));
    const home = join(homes, 'ben');
    await until(async () => (await readdir(join(home, 'groups'))).some((name) => name.includes(channel)), {
      what: 'the invitation',
      timeoutMs: 20_000,
    });
    const second = await cli(['listen', ...at('ben')]);
    assert.is(second.code, 1);
    assert.match(second.err, new RegExp(`Process ${talking.child.pid} `));
    await json(['publish', channel, 'ping', ...at('ann')]);
    await until(() => talking.out().includes('ping'), { what: 'the message' });
    talking.child.stdin.write('pong\n');
    assert.equal(texts(await json(['listen', channel, '--count', '1', ...at('ann')])), ['pong']);
    talking.child.kill('SIGINT');
    assert.is(await talking.ended, 130);
    assert.is(talking.err(), '');

    const deaf = run('listen', '--json', ...at('ben'));
    deaf.child.stdout.destroy();
    const text = `x${'y'.repeat(50_000)}\n`.repeat(4);
    await json(['publish', channel, ...at('ann')], text);
    assert.is(await deaf.ended, 0, deaf.err());
    assert.is(deaf.err(), '');
    const kept = await json(['listen', channel, '--count', '4', ...at('ben')]);
    assert.equal(
      kept.map((message) => String(message.text).length),
      [50_001, 50_001, 50_001, 50_001],
      'nobody had read them',
    );
  });

  test('probes', async () => {
    const [result] = await json([
      'probe',
      '--edge',
      stack.edgeUrl,
      '--messages',
      '2',
      '--max-ms',
      '5000',
      ...at('probe'),
    ]);
    const nodes = (result?.nodes ?? []) as string[];
    assert.equal([result?.ok, result?.messages, [...new Set(nodes)].sort()], [true, 2, ['node-1', 'node-2']]);
  });

  test('takes ids that begin with a dash for what they are', () => {
    const command = { name: 'x', takes: '<channel> [<text>]', about: '', run: async () => undefined };
    const [id, device] = [`-${'r'.repeat(21)}`, `-${'-'.repeat(42)}`];
    assert.equal(parse(command, [id, '--home', device, '--', '-text']).args, [id, '-text']);
    assert.is(parse(command, [id, '--home', device]).values.home, device);
    assert.throws(
      () => parse(command, [id, '-text']),
      (error: unknown) => error instanceof UsageError,
    );
  });

  test('refuses what makes no sense with 2, and fails with 1', async () => {
    const codes = async (...lines: string[]) =>
      Promise.all(lines.map(async (line) => (await cli(line.split(' '))).code));
    const nowhere = at('nowhere').join(' ');
    assert.equal(
      await codes('nonsense', 'publish', 'devices x', 'listen --count 0', 'sign-up --edge x'),
      [2, 2, 2, 2, 2],
    );
    assert.equal(
      await codes(`sign-up --edge http://127.0.0.1:1 --timeout-s 1 ${nowhere}`, `devices ${nowhere}x`),
      [1, 1],
    );
    assert.equal(await codes('--help', 'help', 'channels create --help', 'ban -h'), [0, 0, 0, 0]);
    assert.match((await cli(['ban', '--help'])).out, /--until <yyyy-mm-dd>/);
  });

  test('sets a second factor up, signs in with a recovery code, and turns it off', async () => {
    await signUp('max');
    const typed = new PassThrough();
    const enrolling = begin(['totp', '--json', ...at('max')], typed);
    await until(() => enrolling.out().includes('\n'), { what: 'the secret' });
    const [enrolment] = linesOf(enrolling.out());
    assert.match(String(enrolment?.uri), /^otpauth:\/\/totp\//);
    typed.end(`${code(enrolment?.secret)}\n`);
    assert.is((await enrolling.ended).code, 0);
    const [, confirmed] = linesOf(enrolling.out());
    const codes = confirmed?.recoveryCodes as string[];
    assert.is(codes.length, 10);
    assert.is((await cli(['devices', ...at('max')])).code, 0, 'the session goes on');
    await json(['sign-out', ...at('max')]);
    const refused = await cli(['devices', ...at('max')]);
    assert.is(refused.code, 1);
    assert.match(refused.err, /second_factor_required/);
    assert.is((await cli(['devices', '--recovery-code', codes[0] ?? '', ...at('max')])).code, 0);
    await json(['sign-out', ...at('max')]);
    assert.is((await cli(['devices', '--recovery-code', codes[0] ?? '', ...at('max')])).code, 1);
    assert.is((await cli(['devices', '--recovery-code', codes[2] ?? '', ...at('max')])).code, 0);
    assert.is((await cli(['totp', 'off', '--recovery-code', codes[1] ?? '', ...at('max')])).code, 0);
    assert.is((await cli(['devices', ...at('max')])).code, 0);
    assert.not(
      (await readFile(join(homes, 'max', 'device.json'), 'utf8')).includes(String(enrolment?.secret)),
    );
  });
}, 60_000);

function code(secret: unknown): string {
  return execFileSync('oathtool', ['--totp', '--base32', '-'], { input: String(secret) })
    .toString()
    .trim();
}
