import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import type { Conversation } from '../model/conversation.ts';
import { roleOf } from '../model/roles.ts';
import { words } from '../words/words.ts';
import { Composer } from './composer.tsx';
import { InviteDialog } from './invite.tsx';
import { MessageRow, type Place } from './message.tsx';
import { FailureLine, IconButton, useAction } from './parts.tsx';
import { PeopleDialog } from './people.tsx';
import { ReportsDialog, reportsOf } from './reports.tsx';

/** How close to the end the messages must stand to follow what comes. */
const FOLLOWS_PX = 120;

export function ConversationView({ account, conversation }: Place) {
  const opened = useSignal<'invite' | 'people' | 'reports' | undefined>(undefined);
  const role = roleOf(conversation.info.value, account.messenger.value?.userId ?? '');
  const isOwner = role === 'owner';
  const { ended, pending } = conversation.info.value;
  const isIn = ended === undefined && pending === undefined;
  useSeen(conversation);
  const close = () => {
    opened.value = undefined;
  };
  return (
    <main class="conversation" id="conversation" tabIndex={-1}>
      <Head
        account={account}
        conversation={conversation}
        actions={
          <>
            {isOwner && isIn && (
              <IconButton
                icon="invite"
                label={words.value.invite}
                onClick={() => (opened.value = 'invite')}
              />
            )}
            {isIn && role !== 'member' && (
              <IconButton
                icon="flag"
                label={words.value.reportsLabel(reportsOf({ account, conversation }).length)}
                count={reportsOf({ account, conversation }).length}
                onClick={() => (opened.value = 'reports')}
              />
            )}
            {isIn && (
              <IconButton
                icon="people"
                label={words.value.peopleTitle}
                onClick={() => (opened.value = 'people')}
              />
            )}
          </>
        }
      />
      <Messages account={account} conversation={conversation} />
      {isIn ? (
        <Composer conversation={conversation} />
      ) : (
        <Outside account={account} conversation={conversation} />
      )}
      {opened.value === 'invite' && (
        <InviteDialog account={account} conversation={conversation} onClose={close} />
      )}
      {opened.value === 'reports' && (
        <ReportsDialog account={account} conversation={conversation} onClose={close} />
      )}
      {opened.value === 'people' && (
        <PeopleDialog account={account} conversation={conversation} onClose={close} />
      )}
    </main>
  );
}

function Head({ account, conversation, actions }: Place & { actions: preact.ComponentChildren }) {
  const { title, members } = conversation.info.value;
  const connection = account.connection.state.value;
  const text = words.value;
  // A node shows those who went some seconds longer; whoever was put out is not here.
  const here = Math.min(conversation.hints.presence.value.count, members.length);
  const about = [
    ...(members.length > 0 ? [text.people(members.length)] : []),
    // Who is here is known over a connection; a phone shows this line alone.
    ...(connection.state === 'online' ? [] : [text[connection.state]]),
    ...(connection.state === 'online' && here > 0 ? [text.here(here)] : []),
  ];
  const heading = useRef<HTMLHeadingElement>(null);
  // The way in for a keyboard and a screen reader: the conversation, not the list behind it.
  useEffect(() => heading.current?.focus(), []);
  return (
    <header class="conversation-head">
      <span class="only-phone">
        <IconButton
          icon="back"
          label={text.back}
          onClick={() => {
            account.conversations.selectedId.value = undefined;
          }}
        />
      </span>
      <div>
        <h1 ref={heading} tabIndex={-1}>
          {title || text.untitled}
        </h1>
        <p>{about.join(' · ')}</p>
      </div>
      {actions}
    </header>
  );
}

function Messages({ account, conversation }: Place) {
  const { timeline, info } = conversation;
  const list = useRef<HTMLDivElement>(null);
  const { value: messages } = timeline.messages;
  const newest = messages.at(-1)?.id;
  const follows = useRef(true);
  const follow = () => {
    const { current } = list;
    if (current !== null && follows.current) current.scrollTop = current.scrollHeight;
  };
  useEffect(follow, [newest, messages.length]);
  useEffect(() => {
    // A keyboard that opens, or a turned phone, hides the end otherwise.
    const resized = new ResizeObserver(follow);
    if (list.current !== null) resized.observe(list.current);
    return () => resized.disconnect();
  }, []);
  const scrolled = ({
    currentTarget: { scrollHeight, scrollTop, clientHeight },
  }: {
    currentTarget: HTMLElement;
  }) => {
    follows.current = scrollHeight - scrollTop - clientHeight < FOLLOWS_PX;
  };
  const isEmpty = messages.length === 0 && info.value.pending === undefined;
  const isAlone = info.value.members.length < 2;
  return (
    // Long conversations are scrolled with the keyboard as well.
    <div
      ref={list}
      class="messages"
      onScroll={scrolled}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by the keyboard (WCAG 2.1.1).
      tabIndex={0}
      role="log"
      aria-label={info.value.title}
    >
      {timeline.hasMore.value && (
        <button type="button" class="quiet" onClick={() => void timeline.more()}>
          {words.value.earlier}
        </button>
      )}
      {isEmpty && <p class="hint">{isAlone ? words.value.onlyYou : words.value.noMessages}</p>}
      <ol>
        {messages.map((message, at) => (
          <MessageRow
            key={message.id}
            account={account}
            conversation={conversation}
            message={message}
            before={messages[at - 1]}
          />
        ))}
      </ol>
    </div>
  );
}

/** In place of the composer, for who cannot write here. */
function Outside({ account, conversation }: Place) {
  const { pending } = conversation.info.value;
  const text = words.value;
  const { isBusy, failure, run } = useAction();
  return (
    <footer class="outside" aria-live="polite">
      {pending === undefined ? <p>{text.endedRemoved}</p> : <b>{text.waitingTitle}</b>}
      {pending !== undefined && <p>{text.waitingText}</p>}
      <button
        type="button"
        disabled={isBusy}
        onClick={() => void run(() => account.conversations.leave(conversation))}
      >
        {text.dropChannel}
      </button>
      <FailureLine text={failure} />
    </footer>
  );
}

/** Messages count as read while they are on the screen of somebody who has the page in front. */
function useSeen(conversation: Conversation): void {
  const newest = conversation.timeline.messages.value.at(-1)?.id;
  useEffect(() => {
    const look = () => {
      conversation.isSeen.value = document.visibilityState === 'visible';
      if (conversation.isSeen.value) void conversation.read();
    };
    look();
    document.addEventListener('visibilitychange', look);
    return () => {
      document.removeEventListener('visibilitychange', look);
      conversation.isSeen.value = false;
    };
  }, [conversation, newest]);
}
