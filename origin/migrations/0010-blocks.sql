-- oldest-program: 1
--
-- Whom an account does not want to hear of: a keyed tag of the two, and a note that its own devices encrypted. Gone with it.

create table hushwire.blocks (
  block hushwire.tag primary key,
  account hushwire.tag not null references hushwire.accounts on delete cascade,
  note text collate "C" check (length(note) <= 1024 and note ~ '^[A-Za-z0-9_-]+$')
);
create index blocks_by_account on hushwire.blocks (account);
