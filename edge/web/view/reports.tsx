import type { Messenger } from '../../../shared/client/mls/messenger.ts';
import { banMember } from '../model/moderation.ts';
import { mayPutOut } from '../model/roles.ts';
import type { StoredReport } from '../store/database.ts';
import { language, words } from '../words/words.ts';
import type { Place } from './message.tsx';
import { type Action, Dialog, FailureLine, useAction } from './parts.tsx';

/** What members have reported in this channel, each verified, for a moderator to decide. */
export function ReportsDialog({ account, conversation, onClose }: Place & { onClose: () => void }) {
  const action = useAction();
  const text = words.value;
  const { value: messenger } = account.messenger;
  const reports = reportsOf({ account, conversation });
  const { unproved } = account.conversations.reports;
  const forget = () => account.conversations.reports.countUnproved(0);
  return (
    <Dialog title={text.reportsTitle} onClose={onClose}>
      <p class="hint">{text.reportsText}</p>
      {reports.length === 0 && <p>{text.noReports}</p>}
      {unproved.value > 0 && (
        <p class="unproved">
          {text.reportsUnproved(unproved.value)}{' '}
          <button type="button" class="quiet" onClick={() => void action.run(forget)}>
            {text.forgetReports}
          </button>
        </p>
      )}
      <ul class="reports">
        {reports.map((report) => (
          <li key={report.messageId}>
            <Reported {...{ account, conversation, report, action, messenger }} />
          </li>
        ))}
      </ul>
      <FailureLine text={action.failure} />
    </Dialog>
  );
}

/** Those of this channel that wait for a decision. */
export function reportsOf({ account, conversation }: Place): readonly StoredReport[] {
  const { waiting } = account.conversations.reports;
  return waiting.value.filter(({ channelId }) => channelId === conversation.channelId);
}

interface ReportedProps extends Place {
  readonly report: StoredReport;
  readonly action: Action;
  readonly messenger: Messenger | undefined;
}

function Reported({ account, conversation, report, action, messenger }: ReportedProps) {
  const text = words.value;
  const { value: info } = conversation.info;
  const [userId] = Object.entries(info.tags ?? {}).find(([, tag]) => tag === report.from) ?? [];
  const name = (userId === undefined ? '' : conversation.nameOf(userId)) || text.somebody;
  const isIn = userId !== undefined && info.members.includes(userId);
  const mayBan = messenger !== undefined && isIn && mayPutOut(info, messenger.userId, userId);
  const close = () => account.conversations.reports.close(report);
  const ban = () => {
    if (!mayBan || !confirm(text.banSure(name))) return;
    void action.run(async () => {
      await banMember({ messenger, conversation }, userId);
      await close();
    });
  };
  return (
    <article aria-label={name}>
      <b>{name}</b>
      <blockquote dir="auto">{report.text || text.reportUnreadable}</blockquote>
      <small>{text.reportProved(dateOf(report.relayedMs))}</small>
      <div class="row-actions">
        <button type="button" disabled={action.isBusy} onClick={() => void action.run(close)}>
          {text.dismiss}
        </button>
        {mayBan && (
          <button type="button" class="quiet danger" disabled={action.isBusy} onClick={ban}>
            {text.ban}
          </button>
        )}
      </div>
    </article>
  );
}

function dateOf(atMs: number): string {
  return new Intl.DateTimeFormat(language.value, { dateStyle: 'medium' }).format(atMs);
}
