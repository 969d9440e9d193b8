import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { linkText } from '../model/invitation.ts';
import type { StoredInvitation } from '../store/database.ts';
import { words } from '../words/words.ts';
import type { Place } from './message.tsx';
import { CopyButton, Dialog, FailureLine, QrCode, useAction } from './parts.tsx';

/** A link, as text and as QR code. */
export function InviteDialog({ account, conversation, onClose }: Place & { onClose: () => void }) {
  const { invitations } = account.conversations;
  const { channelId } = conversation;
  const invitation = useSignal<StoredInvitation | undefined>(undefined);
  const { failure, run } = useAction();
  const text = words.value;
  const show = (find: () => Promise<StoredInvitation>) =>
    run(async () => {
      invitation.value = await find();
    });
  useEffect(() => void show(() => invitations.current(channelId)), []);
  const ownerId = conversation.info.value.ownerId;
  const { value: found } = invitation;
  const link = found && linkText(`${location.origin}/`, { channelId, ownerId, key: found.key });
  return (
    <Dialog title={text.inviteTitle} onClose={onClose}>
      <p>{text.inviteText}</p>
      {link !== undefined && (
        <>
          <QrCode text={link} label={text.qrOf} />
          <div class="copy">
            <input
              readOnly
              value={link}
              aria-label={text.link}
              onFocus={(event) => event.currentTarget.select()}
            />
            <CopyButton text={link} />
          </div>
          {'share' in navigator && (
            <button type="button" onClick={() => void navigator.share({ url: link }).catch(() => undefined)}>
              {text.share}
            </button>
          )}
          <button type="button" class="quiet" onClick={() => void show(() => invitations.renew(channelId))}>
            {text.newLink}
          </button>
        </>
      )}
      <FailureLine text={failure} />
    </Dialog>
  );
}
