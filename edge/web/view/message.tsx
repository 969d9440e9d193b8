import type { Account } from '../model/account.ts';
import type { Conversation } from '../model/conversation.ts';
import type { StoredMessage } from '../store/database.ts';
import { language, words } from '../words/words.ts';
import { FailureLine, IconButton, useAction } from './parts.tsx';

export interface Place {
  readonly account: Account;
  readonly conversation: Conversation;
}

interface RowProps extends Place {
  readonly message: StoredMessage;
  /** The one above. */
  readonly before: StoredMessage | undefined;
}

/** Messages of one person so close together stand under one name. */
const SAME_TURN_MS = 5 * 60_000;

export function MessageRow({ account, conversation, message, before }: RowProps) {
  const { notice, userId, sending, text, atMs, missing } = message;
  const action = useAction();
  const report = () => {
    const { value: messenger } = account.messenger;
    if (messenger === undefined || !confirm(words.value.reportSure)) return;
    void action.run(async () => {
      await account.conversations.reports.report({ messenger, conversation }, message);
      await conversation.timeline.put({ ...message, isReported: true });
    });
  };
  const isNewDay = before === undefined || dayOf(before.atMs) !== dayOf(atMs);
  const name = conversation.nameOf(userId) || words.value.somebody;
  const isTurn =
    !isNewDay && before.notice === undefined && before.userId === userId && atMs - before.atMs < SAME_TURN_MS;
  const kind = notice === undefined ? (sending === undefined ? 'theirs' : 'own') : 'notice';
  return (
    <>
      {isNewDay && (
        <li class="day">
          <span>{dayOf(atMs)}</span>
        </li>
      )}
      <li class={`row ${kind}${isTurn ? ' same' : ''}`}>
        {missing !== undefined && <small class="missing">{words.value.missing(missing)}</small>}
        {notice !== undefined ? (
          <span>{notice === 'gap' ? words.value.gap : words.value[notice](name)}</span>
        ) : (
          <div class="line">
            <div class="bubble">
              {sending === undefined && !isTurn && <b class="from">{name}</b>}
              {sending !== undefined && <span class="hidden">{words.value.you}: </span>}
              <p dir="auto">{text}</p>
              <span class="meta">
                <time dateTime={new Date(atMs).toISOString()}>{timeOf(atMs)}</time>
                {sending !== undefined && <Progress conversation={conversation} message={message} />}
              </span>
            </div>
            {message.proof !== undefined && !message.isReported && (
              <ReportButton
                isDisabled={action.isBusy || account.messenger.value === undefined}
                onClick={report}
              />
            )}
          </div>
        )}
        {message.isReported && <small class="reported">{words.value.reported}</small>}
        {action.failure !== '' && <FailureLine text={action.failure} />}
        {sending === 'refused' && (
          <button type="button" class="quiet danger" onClick={() => void conversation.retry(message)}>
            {words.value.tryAgain}
          </button>
        )}
      </li>
    </>
  );
}

function ReportButton({ isDisabled, onClick }: { isDisabled: boolean; onClick: () => void }) {
  return (
    <span class="report">
      <IconButton icon="flag" label={words.value.report} isDisabled={isDisabled} onClick={onClick} />
    </span>
  );
}

const SIGNS = { queued: '◷', sent: '✓', delivered: '✓✓', read: '✓✓', refused: '!' } as const;

/** How far an own message has come: it counts as delivered or read when it is by everybody. */
function Progress({ conversation, message }: { conversation: Conversation; message: StoredMessage }) {
  const state = progressOf(conversation, message);
  return (
    <span class="progress" data-state={state} title={words.value[state]}>
      <span aria-hidden="true">{SIGNS[state]}</span>
      <span class="hidden">{words.value[state]}</span>
    </span>
  );
}

function progressOf(conversation: Conversation, { sending, place }: StoredMessage): keyof typeof SIGNS {
  if (sending !== 'sent') return sending ?? 'sent';
  const { marks } = conversation.info.value;
  const others = conversation.others.value;
  if (others.length === 0) return 'sent';
  if (others.every((userId) => (marks[userId]?.read ?? 0) >= place)) return 'read';
  return others.every((userId) => (marks[userId]?.delivered ?? 0) >= place) ? 'delivered' : 'sent';
}

function timeOf(atMs: number): string {
  return new Intl.DateTimeFormat(language.value, { timeStyle: 'short' }).format(atMs);
}

function dayOf(atMs: number): string {
  return new Intl.DateTimeFormat(language.value, { weekday: 'long', day: 'numeric', month: 'long' }).format(
    atMs,
  );
}
