import { useSignal } from '@preact/signals';
import type { Account } from '../model/account.ts';
import type { Conversation } from '../model/conversation.ts';
import { words } from '../words/words.ts';
import { ConnectionLine } from './connection.tsx';
import { EnterLinkDialog } from './join.tsx';
import { NewChannelDialog } from './new-channel.tsx';
import { Avatar, Brand, Icon, IconButton } from './parts.tsx';
import { SettingsDialog } from './settings.tsx';

type Opened = 'new' | 'link' | 'settings' | undefined;

/** The channels of this device, and the way to new ones. */
export function Sidebar({ account }: { account: Account }) {
  const opened = useSignal<Opened>(undefined);
  const open = (what: Opened) => () => {
    opened.value = what;
  };
  const text = words.value;
  const { sorted } = account.conversations;
  return (
    <nav class="sidebar" aria-label={text.channels}>
      <header class="sidebar-head">
        <Brand />
        <IconButton icon="gear" label={text.settings} onClick={open('settings')} />
      </header>
      <ConnectionLine connection={account.connection} />
      <ul class="channels">
        {sorted.value.map((conversation) => (
          <li key={conversation.channelId}>
            <Entry account={account} conversation={conversation} />
          </li>
        ))}
      </ul>
      {sorted.value.length === 0 && <p class="hint">{text.noChannels}</p>}
      <div class="sidebar-actions">
        <button type="button" class="primary" onClick={open('new')}>
          <Icon name="plus" /> {text.newChannel}
        </button>
        <button type="button" onClick={open('link')}>
          <Icon name="link" /> {text.joinByLink}
        </button>
      </div>
      {opened.value === 'new' && <NewChannelDialog account={account} onClose={open(undefined)} />}
      {opened.value === 'link' && <EnterLinkDialog account={account} onClose={open(undefined)} />}
      {opened.value === 'settings' && <SettingsDialog account={account} onClose={open(undefined)} />}
    </nav>
  );
}

function Entry({ account, conversation }: { account: Account; conversation: Conversation }) {
  const { selectedId } = account.conversations;
  const { title, unread, preview, pending } = conversation.info.value;
  const name = title || words.value.untitled;
  const isSelected = selectedId.value === conversation.channelId;
  const select = () => {
    selectedId.value = conversation.channelId;
  };
  return (
    <button type="button" class="entry" aria-current={isSelected ? 'true' : undefined} onClick={select}>
      <Avatar name={name} />
      <span class="entry-text">
        <b>{name}</b>
        <small>{pending === undefined ? preview : words.value.waitingTitle}</small>
      </span>
      {unread > 0 && (
        <span class="badge">
          <span aria-hidden="true">{unread}</span>
          <span class="hidden">{words.value.unread(unread)}</span>
        </span>
      )}
    </button>
  );
}
