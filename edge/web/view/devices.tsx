import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import type { OwnDevice, OwnSession } from '../../../shared/client/answers.ts';
import type { Account } from '../model/account.ts';
import { words } from '../words/words.ts';
import { AddDevice } from './link-device.tsx';
import { FailureLine, useAction } from './parts.tsx';

interface Listed extends OwnDevice {
  readonly sessions: readonly OwnSession[];
}

/** The devices of the account, each with its sessions; others can be put out. */
export function Devices({ account }: { account: Account }) {
  const devices = useSignal<readonly Listed[]>([]);
  const { isBusy, failure, run } = useAction();
  const text = words.value;
  const client = account.messenger.value?.client;
  const refresh = async () => {
    if (client === undefined) return;
    const [owned, sessions] = await Promise.all([client.account.devices(), client.account.sessions()]);
    devices.value = owned.map((device) => ({
      ...device,
      sessions: sessions.filter(({ deviceId }) => deviceId === device.deviceId),
    }));
  };
  useEffect(() => void run(refresh), [client]);
  const remove = (deviceId: string) => {
    if (!confirm(text.removeDeviceSure)) return;
    void run(async () => {
      await account.sensitive(() => account.conversations.siblings.remove(deviceId));
      await refresh();
    });
  };
  return (
    <section aria-label={text.devices}>
      <h3>{text.devices}</h3>
      <ul class="devices">
        {devices.value.map(({ deviceId, isCurrent, sessions }) => (
          <li key={deviceId}>
            <span>
              <b>
                {text.device} <code>{deviceId.slice(0, 8)}</code>
              </b>
              <small>
                {isCurrent ? `${text.thisDevice} · ` : ''}
                {text.sessions(sessions.length)}
              </small>
            </span>
            {!isCurrent && (
              <button type="button" class="quiet danger" disabled={isBusy} onClick={() => remove(deviceId)}>
                {text.removeDevice}
              </button>
            )}
          </li>
        ))}
      </ul>
      <FailureLine text={failure} />
      <AddDevice account={account} onAdded={() => run(refresh)} />
    </section>
  );
}
