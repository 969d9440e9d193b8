import type { Tag } from '../../shared/frame.ts';
import type { Recovered, Recovery, Revocation, Revoked } from '../../shared/internal/devices.ts';
import type { StoredDevice, StoredSession } from '../../shared/internal/records.ts';
import type { MemoryKeys } from './memory-keys.ts';

interface Kept {
  readonly tables: {
    readonly accounts: Map<Tag, unknown>;
    readonly devices: Map<Tag, StoredDevice>;
    readonly sessions: Map<Tag, StoredSession>;
  };
  readonly revoked: Map<Tag, Ended>;
}

/** What has ended, and the account it was of. */
export interface Ended {
  readonly kind: 'session' | 'device' | 'account';
  readonly account: Tag;
}

/** Ends every session of an account, and tells those that ended before as well. */
export function endSessionsOf(account: Tag, { tables, revoked }: Kept): Tag[] {
  for (const [tag, row] of tables.sessions) {
    if (row.account !== account) continue;
    tables.sessions.delete(tag);
    revoked.set(tag, { kind: 'session', account });
  }
  return [...revoked]
    .filter(([, row]) => row.kind === 'session' && row.account === account)
    .map(([tag]) => tag);
}

/** Ends things as an origin does (shared/internal/calls.ts), in memory and without its limit of sessions at a time. */
export function revoke(asked: Revocation, { tables, revoked }: Kept): Revoked {
  const { account } = asked;
  const isAllowed = tables.sessions.get(asked.by)?.account === account;
  const tagsOf = (kind: Ended['kind']) =>
    [...revoked].filter(([, row]) => row.kind === kind && row.account === account).map(([tag]) => tag);
  const has = (kind: Ended['kind'], tag: Tag) => tagsOf(kind).includes(tag);
  const done = (sessions: readonly Tag[], devices: readonly Tag[] = []): Revoked => ({
    result: 'revoked',
    sessions,
    devices,
  });
  const none = (result: Revoked['result']): Revoked => ({ result, sessions: [], devices: [] });
  const endSessions = (isMeant: (tag: Tag, row: StoredSession) => boolean) => {
    for (const [tag, row] of tables.sessions) {
      if (row.account !== account || !isMeant(tag, row)) continue;
      tables.sessions.delete(tag);
      revoked.set(tag, { kind: 'session', account });
    }
  };
  const endDevice = (device: Tag) => {
    for (const [tag, row] of tables.sessions) if (row.device === device) tables.sessions.delete(tag);
    tables.devices.delete(device);
    revoked.set(device, { kind: 'device', account });
  };
  const own = () => [...tables.devices].filter(([, row]) => row.account === account).map(([tag]) => tag);

  if (asked.what === 'session') {
    if (isAllowed) endSessions((tag) => tag === asked.session);
    if (has('session', asked.session)) return done([asked.session]);
    return none(isAllowed ? 'missing' : 'refused');
  }
  if (asked.what === 'device') {
    const isHere = own().includes(asked.device);
    if (isAllowed && isHere && own().length > 1) endDevice(asked.device);
    if (has('device', asked.device)) return done([], [asked.device]);
    if (!isAllowed) return none('refused');
    return none(isHere ? 'last' : 'missing');
  }
  if (asked.what === 'account') {
    if (isAllowed) {
      for (const device of own()) endDevice(device);
      tables.accounts.delete(account);
      revoked.set(account, { kind: 'account', account });
    }
    return has('account', account) ? done([], tagsOf('device')) : none('refused');
  }
  if (!isAllowed) return none('refused');
  if (asked.what === 'sessions') endSessions((tag) => tag !== asked.except);
  else endSessions((_tag, row) => row.device === asked.device);
  return done(tagsOf('session'));
}

/** Begins an account anew as an origin does, in memory. */
export function recover(
  { account, device, sequence, link, previous, sealed }: Recovery,
  { tables, revoked, keys }: Kept & { readonly keys: Pick<MemoryKeys, 'logs'> },
): Recovered {
  const log = keys.logs.get(account) ?? [];
  const last = log.at(-1);
  const ended = () =>
    [...revoked].filter(([, row]) => row.kind === 'device' && row.account === account).map(([tag]) => tag);
  if (last?.link === link && last.version === sequence) return { result: 'exists', devices: ended() };
  if (tables.devices.has(device.device) || revoked.has(device.device))
    return { result: 'taken', devices: [] };
  if (last?.link !== previous || last.version !== sequence - 1) return { result: 'stale', devices: [] };
  for (const [tag, row] of tables.devices) {
    if (row.account !== account) continue;
    for (const [session, held] of tables.sessions) if (held.device === tag) tables.sessions.delete(session);
    tables.devices.delete(tag);
    revoked.set(tag, { kind: 'device', account });
  }
  tables.devices.set(device.device, { account, sealed: device.sealed, version: 1 });
  keys.logs.set(account, [...log, { version: sequence, link, sealed }]);
  return { result: 'created', devices: ended() };
}
