import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import { describe } from '../../testing/suite.ts';
import { loadDevice } from '../device.ts';
import { fileStores } from './file-stores.ts';

const GROUP = new Uint8Array([1, 0, 255]);

describe('stores in files', ({ test, beforeEach, afterEach }) => {
  let directory: string;
  beforeEach(async () => {
    directory = join(await mkdtemp(join(tmpdir(), 'stores-')), 'home');
  });
  afterEach(() => rm(join(directory, '..'), { recursive: true, force: true }));
  const open = () => fileStores(directory);

  test('bring the same device back, which signs what its public key verifies', async () => {
    const made = await loadDevice((await open()).store);
    await (await open()).store.save({ signing: made.signing, agreement: made.agreement, userId: 'u1' });
    const again = await loadDevice((await open()).store);
    assert.is(again.deviceId, made.deviceId);
    assert.is(again.userId, 'u1');
    const algorithm = { name: 'ECDSA', hash: 'SHA-256' };
    const signature = await crypto.subtle.sign(algorithm, again.signing.privateKey, GROUP);
    assert.ok(await crypto.subtle.verify(algorithm, made.signing.publicKey, signature, GROUP));
  });

  test('keep groups by their key, whatever characters it has', async () => {
    const { groups } = await open();
    assert.is(await groups.get('channel:a/b'), undefined);
    for (const key of ['channel:a/b', 'channel:..', 'identity']) await groups.set(key, GROUP);
    await groups.set('identity', new Uint8Array());
    await writeFile(join(directory, 'groups', 'channel%3Ac.part'), 'half');
    const again = (await open()).groups;
    assert.equal([...(await again.keys('channel:'))].sort(), ['channel:..', 'channel:a/b']);
    assert.equal(await again.get('channel:a/b'), GROUP);
    assert.equal(await again.get('identity'), new Uint8Array());
    await again.delete('channel:a/b');
    await again.delete('channel:a/b');
    assert.equal(await groups.keys('channel:'), ['channel:..']);
  });

  test('keep what was seen of key logs, the epoch of the mailbox, and the session', async () => {
    const { knownLogs, mailboxEpochs, sessions } = await open();
    assert.is(await knownLogs.load('u1'), undefined);
    assert.is(await mailboxEpochs.load(), undefined);
    const log = { sequence: 1, hash: 'h', entry: 'e', genesis: 'g' };
    await knownLogs.save('u1', log);
    await mailboxEpochs.save('one');
    await sessions.save('two');
    const again = await open();
    assert.equal(await again.knownLogs.load('u1'), log);
    assert.is(await again.mailboxEpochs.load(), 'one');
    assert.is(await again.sessions.load(), 'two');
  });

  test('are readable by their owner alone', async () => {
    const { store, groups } = await open();
    await writeFile(join(directory, 'device.json.part'), 'half', { mode: 0o666 });
    await loadDevice(store);
    await groups.set('identity', GROUP);
    const modes = ['.', 'device.json', 'groups', 'groups/identity'].map(async (name) =>
      ((await stat(join(directory, name))).mode & 0o777).toString(8),
    );
    assert.equal(await Promise.all(modes), ['700', '600', '700', '600']);
    assert.not((await readdir(directory)).some((name) => name.endsWith('.part')));
  });
});
