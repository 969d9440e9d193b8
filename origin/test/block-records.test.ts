import * as assert from 'uvu/assert';
import { randomId } from '../../shared/bytes.ts';
import { type BanRow, BLOCKS_MAX, type BlockChange } from '../../shared/internal/bans.ts';
import { describe } from '../../shared/testing/suite.ts';
import { newAccount, newMark, openWay, WAYS } from './records-fixtures.ts';

const DAY_MS = 24 * 3_600_000;
const day = (offset: number) => new Date(Date.now() + offset * DAY_MS).toISOString().slice(0, 10);

for (const way of WAYS)
  describe(`postgres blocks, ${way}`, ({ test, before, after, needs }) => {
    if (way !== 'straight') needs('pgbouncer');
    let stores: Awaited<ReturnType<typeof openWay>>;
    before(async () => {
      stores = await openWay(way);
    });
    after(() => stores.close());

    const join = async () => {
      const account = newAccount();
      await stores.records.createAccount(account, newMark());
      return account.account;
    };
    const change = async (what: BlockChange) => (await stores.blocks.changeBlock(what, newMark())).result;
    const place = (account: string, block: string, note = '') =>
      change({ what: 'place', account, block, note });

    test('are placed, found and lifted; a repeat takes the place of the note', async () => {
      const account = await join();
      const [one, other] = [randomId(), randomId()].sort() as [string, string];
      assert.is(await place(account, one, 'bm90ZQ'), 'changed');
      assert.is(await place(account, other), 'changed');
      assert.is(await place(account, one, 'YW5vdGhlcg'), 'changed');
      assert.equal(
        [...(await stores.blocks.listBlocks(account))],
        [
          { block: one, note: 'YW5vdGhlcg' },
          { block: other, note: null },
        ],
      );
      const search = { blocks: [one, randomId(), other], bans: [] };
      assert.equal([...(await stores.blocks.findBlocks(search))].sort(), [one, other]);
      assert.is(await change({ what: 'lift', account: await join(), block: one }), 'changed');
      assert.is((await stores.blocks.findBlocks(search)).length, 2, 'another account lifts none of them');
      await change({ what: 'lift', account, block: one });
      assert.equal([...(await stores.blocks.findBlocks(search))], [other]);
    });

    test('need an account, and are so many at most', async () => {
      assert.is(await place(randomId(), randomId()), 'missing');
      const account = await join();
      const blocks = Array.from({ length: BLOCKS_MAX }, () => randomId());
      for (let i = 0; i < blocks.length; i += 50)
        await Promise.all(blocks.slice(i, i + 50).map((block) => place(account, block)));
      assert.is(await place(account, randomId()), 'full');
      assert.is(await place(account, blocks[0] ?? '', 'bm90ZQ'), 'changed', 'one that is there');
    });

    test('are found together with bans from the service that are in force', async () => {
      const ban = (more: Partial<BanRow> = {}): BanRow => ({
        ban: randomId(),
        keyVersion: 1,
        statement: null,
        expiresOn: null,
        ...more,
      });
      const [forGood, today, over] = [ban(), ban({ expiresOn: day(0) }), ban({ expiresOn: day(-1) })];
      const bans = [forGood, today, over];
      await stores.moderation.placeBans({ accounts: [], bans, lifted: [] }, newMark());
      const search = { blocks: [randomId()], bans: bans.map((one) => one.ban) };
      const found = [...(await stores.blocks.findBlocks(search))].sort();
      assert.equal(found, [forGood.ban, today.ban].sort());
      assert.equal([...(await stores.blocks.findBlocks({ blocks: search.bans, bans: search.blocks }))], []);
    });
  });
