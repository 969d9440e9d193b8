import { useEffect } from 'preact/hooks';
import type { Account } from '../model/account.ts';
import { language, words } from '../words/words.ts';
import { ConversationView } from './conversation.tsx';
import { FactorDialog } from './factor.tsx';
import { JoinDialog } from './join.tsx';
import { Sidebar } from './sidebar.tsx';
import { Elsewhere, Ended, Welcome } from './welcome.tsx';

/** The whole page. */
export function App({ account }: { account: Account }) {
  const { value: phase } = account.phase;
  const unread = account.conversations.unread.value;
  useEffect(() => {
    document.title = unread === 0 ? 'Hushwire' : `(${unread}) Hushwire`;
  }, [unread]);
  useEffect(() => {
    document.documentElement.lang = language.value;
  }, [language.value]);
  return (
    <>
      {phase.at === 'starting' && <p class="gate">{words.value.starting}</p>}
      {phase.at === 'elsewhere' && <Elsewhere account={account} />}
      {phase.at === 'welcome' && <Welcome account={account} failure={phase.failure} />}
      {phase.at === 'ended' && <Ended account={account} phase={phase} />}
      {phase.at === 'open' && <Chat account={account} />}
      <FactorDialog account={account} />
    </>
  );
}

function Chat({ account }: { account: Account }) {
  const { selected } = account.conversations;
  return (
    <div class={selected.value === undefined ? 'chat' : 'chat has-selected'}>
      {selected.value !== undefined && (
        <a class="skip" href="#conversation">
          {words.value.skip}
        </a>
      )}
      <Sidebar account={account} />
      {selected.value === undefined ? (
        <main class="empty">
          <p>{words.value.chooseChannel}</p>
        </main>
      ) : (
        <ConversationView key={selected.value.channelId} account={account} conversation={selected.value} />
      )}
      <JoinDialog account={account} />
    </div>
  );
}
