import * as assert from 'uvu/assert';
import { describe } from '../../../shared/testing/suite.ts';
import { CHECKOUT } from '../servers/checkout.ts';
import { examine, readMigrations } from './migrations.ts';

const kindOf = (oldest: number, text: string) =>
  examine('0009-next.sql', `-- oldest-program: ${oldest}\n${text}`);

describe('migrations', ({ test }) => {
  test('of this tree leave older programs what they need, where they say that those go on', async () => {
    const migrations = await readMigrations(CHECKOUT);
    assert.ok(migrations.length >= 8);
    for (const { name, faults } of migrations) assert.equal(faults, [], name);
  });

  const takesAway: readonly (readonly [sql: string, fault: RegExp])[] = [
    ['drop table hushwire.bans;', /drops what/],
    ['drop index hushwire.bans_by_channel;', /drops what/],
    ['drop trigger counted on hushwire.bans;', /drops what/],
    ['alter table hushwire.bans drop column statement;', /drops what/],
    ['alter table hushwire.bans drop statement;', /drops what/],
    ['alter table hushwire.bans alter statement drop default;', /drops what/],
    ['alter table hushwire.bans rename column statement to text;', /another name/],
    ['alter table hushwire.bans set schema public;', /another name/],
    ['alter table hushwire.bans alter column statement type bytea;', /type of a column/],
    ['alter table hushwire.bans alter "statement" set data type bytea;', /type of a column/],
    ['alter table hushwire.bans alter column statement set not null;', /leave out/],
    ['alter table hushwire.bans add column day date not null;', /do not fill/],
    ['alter table hushwire.bans add day date not null;', /do not fill/],
    ['alter table hushwire.bans add column day date primary key;', /do not fill/],
    [
      'alter table hushwire.bans add column a numeric(3, 1) default 1, add column b date not null;',
      /do not fill/,
    ],
    ['alter table hushwire.bans add column day date unique;', /second row/],
    ['create unique index bans_by_day on hushwire.bans (day);', /second row/],
    ['alter table hushwire.bans add constraint day_check check (day > 0);', /may break/],
    ['alter table hushwire.bans add check (day > 0);', /may break/],
    ['alter table hushwire.bans add unique (day);', /may break/],
    ['truncate hushwire.calls;', /takes what is there/],
    ['delete from hushwire.calls;', /takes what is there/],
    ['update hushwire.bans set statement = null;', /takes what is there/],
    ['revoke select on hushwire.bans from reader;', /takes what is there/],
  ];
  for (const [sql, fault] of takesAway)
    test(`that take away say so: ${sql}`, () => {
      const lies = kindOf(1, sql);
      assert.is(lies.kind, 'expand');
      assert.match(lies.faults.join(), fault);
      const honest = kindOf(9, sql);
      assert.equal([honest.kind, honest.faults], ['contract', []]);
    });

  test('that only add are fine', () => {
    const adds = [
      'create table hushwire.things (thing hushwire.tag primary key, day date not null);',
      'alter table hushwire.bans add column day date;',
      'alter table hushwire.bans add column failures integer not null default 0 check (failures >= 0);',
      'alter table hushwire.bans drop constraint bans_check, add constraint bans_check check (true);',
      '-- drop table hushwire.bans;',
      'create index bans_by_day on hushwire.bans (day);',
      'create table hushwire.things (day date not null);\ncreate unique index things_by_day on hushwire.things (day);',
      'alter table hushwire.bans alter statement drop not null;',
    ];
    for (const sql of adds) assert.equal(kindOf(1, sql).faults, [], sql);
  });
});
