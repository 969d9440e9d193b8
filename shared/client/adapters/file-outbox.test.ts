import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import { rejectsWith } from '../../testing/expect.ts';
import { describe } from '../../testing/suite.ts';
import { memoryOutbox } from '../outbox-store.ts';
import { EXPECTED_LOADS, exerciseOutbox } from '../test/outbox-contract.ts';
import { begin } from '../test/rig.ts';
import { tagOf } from '../test/scripted-socket.ts';
import { fileOutbox } from './file-outbox.ts';

const message = (name: string) => ({ channelId: 'one', id: tagOf(name), data: 'AAAA' });

describe('the stores of an outbox', ({ test, beforeEach, afterEach }) => {
  let directory: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'outbox-'));
  });
  afterEach(() => rm(directory, { recursive: true, force: true }));

  test('in memory keeps what was put, in order, until it is removed', async () => {
    const store = memoryOutbox();
    assert.equal(await exerciseOutbox(() => store), EXPECTED_LOADS);
  });

  test('in files keeps the same over restarts', async () => {
    assert.equal(await exerciseOutbox(() => fileOutbox(join(directory, 'a', 'b'))), EXPECTED_LOADS);
  });

  test('in files clears away what a crash left half written', async () => {
    await fileOutbox(directory).put(message('a'));
    await writeFile(join(directory, '000000000002-x.json.part'), '{"chan');
    assert.equal(await fileOutbox(directory).load(), [message('a')]);
    assert.is((await readdir(directory)).length, 1);
  });

  test('in files that were spoilt keeps a client from starting, and spoils nothing more', async () => {
    await fileOutbox(directory).put(message('a'));
    const [name = ''] = await readdir(directory);
    for (const text of ['{"chan', '{}', 'null']) {
      await writeFile(join(directory, name), text);
      const { opening } = await begin({ outbox: fileOutbox(directory) });
      await rejectsWith(opening, 'storage_failed');
      assert.equal(await readdir(directory), [name]);
    }
  });

  test('in files begins anew when the medium is back', async () => {
    const place = join(directory, 'place');
    await writeFile(place, 'in the way');
    const store = fileOutbox(place);
    const failed = await store.load().catch((error: NodeJS.ErrnoException) => error.code);
    assert.is(failed, 'EEXIST');
    await rm(place);
    await store.put(message('a'));
    assert.equal(await store.load(), [message('a')]);
  });
});
