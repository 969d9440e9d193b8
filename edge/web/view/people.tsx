import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import type { Messenger } from '../../../shared/client/mls/messenger.ts';
import type { Conversation } from '../model/conversation.ts';
import {
  type Banned,
  banMember,
  liftBan,
  listBans,
  removeMember,
  setModerator,
} from '../model/moderation.ts';
import { mayPutOut, roleOf } from '../model/roles.ts';
import { words } from '../words/words.ts';
import type { Place } from './message.tsx';
import { type Action, Avatar, Dialog, FailureLine, useAction } from './parts.tsx';
import { SafetyNumber } from './safety.tsx';

/** Who is in a channel; for who moderates it also who must not be. */
export function PeopleDialog({ account, conversation, onClose }: Place & { onClose: () => void }) {
  const { members } = conversation.info.value;
  const action = useAction();
  const bans = useSignal<readonly Banned[]>([]);
  const { value: messenger } = account.messenger;
  const text = words.value;
  const role = roleOf(conversation.info.value, messenger?.userId ?? '');
  const isModerating = role !== 'member';
  const refresh = async () => {
    if (messenger === undefined || !isModerating) return;
    bans.value = await listBans({ messenger, conversation }, account.database);
  };
  useEffect(() => void action.run(refresh), []);
  const leave = () => {
    if (confirm(text.leaveSure)) void action.run(() => account.conversations.leave(conversation));
  };
  return (
    <Dialog title={text.peopleTitle} onClose={onClose}>
      <ul class="people">
        {members.map((userId) => (
          <li key={userId}>
            <Person {...{ account, conversation, userId, action, messenger, refresh }} />
          </li>
        ))}
      </ul>
      {isModerating && messenger !== undefined && (
        <Bans {...{ account, conversation, action, messenger, refresh }} bans={bans.value} />
      )}
      <FailureLine text={action.failure} />
      {role === 'owner' ? (
        <small>{text.ownerCannotLeave}</small>
      ) : (
        <button type="button" class="quiet danger" onClick={leave}>
          {text.leave}
        </button>
      )}
    </Dialog>
  );
}

interface Acting extends Place {
  readonly action: Action;
  readonly refresh: () => Promise<void>;
}
interface PersonProps extends Acting {
  readonly userId: string;
  readonly messenger: Messenger | undefined;
}

function Person({ account, conversation, userId, action, messenger, refresh }: PersonProps) {
  const isCompared = useSignal(false);
  const text = words.value;
  const isSelf = messenger?.userId === userId;
  const name = isSelf ? text.you : conversation.nameOf(userId) || text.somebody;
  const { value: info } = conversation.info;
  const role = roleOf(info, userId);
  const isHere = isSelf || conversation.hints.presence.value.userIds.includes(userId);
  const notes = [
    ...(role === 'member' ? [] : [text[role]]),
    ...(isHere ? [text.isHere] : []),
    ...(account.profile.value.verified?.[userId] === undefined ? [] : [text.verified]),
  ];
  const mayAct = messenger !== undefined && mayPutOut(info, messenger.userId, userId);
  const act = (sure: string, change: typeof removeMember) => () => {
    if (messenger === undefined || !confirm(sure)) return;
    void action.run(async () => {
      await change({ messenger, conversation }, userId);
      await refresh();
    });
  };
  return (
    <>
      <div class="person">
        <Avatar name={name} />
        <span class="person-name">
          <b>{name}</b>
          <small>{notes.join(' · ')}</small>
        </span>
        {!isSelf && (
          <button
            type="button"
            aria-expanded={isCompared.value}
            onClick={() => (isCompared.value = !isCompared.value)}
          >
            {text.safetyNumber}
          </button>
        )}
      </div>
      {isCompared.value && <SafetyNumber {...{ account, userId, name }} />}
      {mayAct && (
        <div class="person-actions">
          {roleOf(info, messenger.userId) === 'owner' && (
            <ModeratorButton
              {...{ conversation, action, messenger, userId, isModerator: role === 'moderator' }}
            />
          )}
          <button
            type="button"
            class="quiet"
            disabled={action.isBusy}
            onClick={act(text.removeSure(name), removeMember)}
          >
            {text.remove}
          </button>
          <button
            type="button"
            class="quiet danger"
            disabled={action.isBusy}
            onClick={act(text.banSure(name), banMember)}
          >
            {text.ban}
          </button>
        </div>
      )}
    </>
  );
}

interface ModeratorButtonProps {
  readonly conversation: Conversation;
  readonly action: Action;
  readonly messenger: Messenger;
  readonly userId: string;
  readonly isModerator: boolean;
}

function ModeratorButton({ conversation, action, messenger, userId, isModerator }: ModeratorButtonProps) {
  const change = () =>
    void action.run(() => setModerator({ messenger, conversation }, { userId, isModerator: !isModerator }));
  return (
    <button type="button" class="quiet" disabled={action.isBusy} onClick={change}>
      {isModerator ? words.value.takeModerator : words.value.makeModerator}
    </button>
  );
}

interface BansProps extends Acting {
  readonly messenger: Messenger;
  readonly bans: readonly Banned[];
}

function Bans({ conversation, action, messenger, refresh, bans }: BansProps) {
  const text = words.value;
  const lift = (userId: string) =>
    void action.run(async () => {
      await liftBan({ messenger, conversation }, userId);
      await refresh();
    });
  return (
    <section aria-label={text.banned}>
      <h3>{text.banned}</h3>
      {bans.length === 0 && <p class="hint">{text.noBans}</p>}
      <ul class="people">
        {bans.map(({ ban, userId, name }) => (
          <li key={ban} class="person">
            <Avatar name={name ?? ''} />
            <b class="person-name">{userId === undefined ? text.bannedElsewhere : name || text.somebody}</b>
            {userId !== undefined && (
              <button type="button" disabled={action.isBusy} onClick={() => lift(userId)}>
                {text.lift}
              </button>
            )}
          </li>
        ))}
      </ul>
    </section>
  );
}
