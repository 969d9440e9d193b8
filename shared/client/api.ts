import { isFailure } from '../failure.ts';
import {
  type Admission,
  type Appended,
  type Attested,
  type BanList,
  type BanOrder,
  type Directory,
  type Enrolment,
  type History,
  type InvitationOrder,
  isAdmission,
  isAppended,
  isAttested,
  isBanList,
  isBlockList,
  isConfirmed,
  isDirectory,
  isDone,
  isEnrolment,
  isHistory,
  isInvitationList,
  isMadeInvitation,
  isNewChannel,
  isNewMember,
  isOwnDevices,
  isOwnSessions,
  isSteppedUp,
  isStock,
  isStoredList,
  type ListedBlock,
  type ListedInvitation,
  type MadeInvitation,
  type MemberRole,
  type OwnDevice,
  type OwnSession,
  type RelayedMessage,
  type SteppedUp,
  type Stock,
  type StoredList,
} from './answers.ts';
import type { Call, Http } from './http.ts';
import type { SecondFactor, Session } from './session.ts';

/**
 * The calls of a signed-in device. Each throws as `Http` does, and is safe to repeat but for `lookUp` with packages,
 * `confirmTotp` and `stepUp`.
 */
export interface Api {
  sessions(signal?: AbortSignal): Promise<readonly OwnSession[]>;
  endSession(sessionId: string, signal?: AbortSignal): Promise<void>;
  /** Never signs in again for it: a session that has ended is what was wanted. */
  endCurrentSession(signal?: AbortSignal): Promise<void>;
  endSessions(which: { readonly keepsCurrent: boolean }, signal?: AbortSignal): Promise<void>;
  devices(signal?: AbortSignal): Promise<readonly OwnDevice[]>;
  deleteAccount(signal?: AbortSignal): Promise<void>;
  enrolTotp(signal?: AbortSignal): Promise<Enrolment>;
  confirmTotp(code: string, signal?: AbortSignal): Promise<{ readonly recoveryCodes: readonly string[] }>;
  stepUp(shown: SecondFactor, signal?: AbortSignal): Promise<SteppedUp>;
  disableTotp(signal?: AbortSignal): Promise<void>;
  createChannel(channelId: string, signal?: AbortSignal): Promise<void>;
  deleteChannel(channelId: string, signal?: AbortSignal): Promise<void>;
  block(userId: string, note?: string): Promise<void>;
  unblock(userId: string): Promise<void>;
  blocks(): Promise<readonly ListedBlock[]>;
  addMember(channelId: string, userId: string, signal?: AbortSignal): Promise<void>;
  removeMember(channelId: string, userId: string, signal?: AbortSignal): Promise<void>;
  setRole(channelId: string, userId: string, role: MemberRole, signal?: AbortSignal): Promise<void>;
  /** Of a channel, or of the whole service without one. */
  ban(channelId: string | undefined, order: BanOrder, signal?: AbortSignal): Promise<void>;
  liftBan(channelId: string | undefined, userIds: readonly string[], signal?: AbortSignal): Promise<void>;
  bans(channelId: string | undefined, after?: string, signal?: AbortSignal): Promise<BanList>;
  /** The id makes a repeat harmless. */
  invite(
    channelId: string,
    order: InvitationOrder & { readonly id: string },
    signal?: AbortSignal,
  ): Promise<MadeInvitation>;
  invitations(channelId: string, signal?: AbortSignal): Promise<readonly ListedInvitation[]>;
  revokeInvitation(channelId: string, tag: string, signal?: AbortSignal): Promise<void>;
  join(channelId: string, invitation: string, signal?: AbortSignal): Promise<void>;
  setAccess(channelId: string, access: 'open' | 'invitation'): Promise<void>;
  attest(channelId: string, relayed: RelayedMessage, signal?: AbortSignal): Promise<Attested>;
  /** A ticket, and grants for up to 100 channels. */
  connect(channelIds: readonly string[], signal?: AbortSignal): Promise<Admission>;
  addDevice(proofs: object, signal?: AbortSignal): Promise<void>;
  removeDevice(deviceId: string, signal?: AbortSignal): Promise<void>;
  readList(signal?: AbortSignal): Promise<StoredList>;
  /** `version` is one more than the stored one. */
  writeList(version: number, data: string, signal?: AbortSignal): Promise<StoredList>;
  appendEntry(entry: string, previous: string | undefined, signal?: AbortSignal): Promise<Appended>;
  /** A page of a key log, after the entry with this number. */
  history(userId: string, after: number, signal?: AbortSignal): Promise<History>;
  upload(packages: PackageUpload, signal?: AbortSignal): Promise<Stock>;
  stock(signal?: AbortSignal): Promise<Stock>;
  /** Up to 100 users. A package that was taken is gone, whether or not the answer arrives. */
  lookUp(userIds: readonly string[], packages: boolean, signal?: AbortSignal): Promise<Directory>;
}

/** Body of `PUT /v1/keys`; bytes as base64url. */
export interface PackageUpload {
  readonly identityKey: string;
  readonly version: number;
  readonly packages: readonly string[];
  readonly lastResort?: string;
  readonly replaces?: true;
}

/** A look-up of 100 users with six devices and the largest packages has 3.9 MB. */
const DIRECTORY_MAX_BYTES = 4 * 1024 * 1024;

export function createApi(http: Http, session: Session): Api {
  /** With a fresh token once more, when the edge no longer takes the one it gave: its keys may have been rotated. */
  const ask = async <T>(call: Omit<Call, 'token'>, check: (answer: unknown) => answer is T): Promise<T> => {
    const token = await session.token(call.signal);
    try {
      return await http({ ...call, token }, check);
    } catch (error) {
      if (!isFailure(error, 'token_refused') && !isFailure(error, 'session_ended')) throw error;
      session.refuse(token);
      return http({ ...call, token: await session.token(call.signal) }, check);
    }
  };
  const end = async (path: string, signal?: AbortSignal) => {
    await ask({ method: 'DELETE', path, signal }, isDone);
  };
  const endCurrent = async (signal: AbortSignal | undefined) => {
    const token = await session.token(signal);
    try {
      await http({ method: 'DELETE', path: '/v1/sessions/current', token, signal }, isDone);
    } catch (error) {
      if (isFailure(error, 'session_ended')) return;
      if (isFailure(error, 'token_refused')) session.refuse(token);
      throw error;
    }
  };
  return {
    sessions: async (signal) =>
      (await ask({ method: 'GET', path: '/v1/sessions', signal }, isOwnSessions)).sessions,
    endSession: (sessionId, signal) => end(`/v1/sessions/${encodeURIComponent(sessionId)}`, signal),
    endCurrentSession: endCurrent,
    endSessions: ({ keepsCurrent }, signal) =>
      end(keepsCurrent ? '/v1/sessions?keep=current' : '/v1/sessions', signal),
    devices: async (signal) =>
      (await ask({ method: 'GET', path: '/v1/devices', signal }, isOwnDevices)).devices,
    deleteAccount: (signal) => end('/v1/account', signal),
    enrolTotp: (signal) => ask({ path: '/v1/totp', signal }, isEnrolment),
    confirmTotp: (code, signal) => ask({ path: '/v1/totp/confirm', body: { code }, signal }, isConfirmed),
    stepUp: (body, signal) => ask({ path: '/v1/totp/step-up', body, signal }, isSteppedUp),
    disableTotp: (signal) => end('/v1/totp', signal),
    createChannel: async (channelId, signal) => {
      await ask({ path: '/v1/channels', body: { channelId }, signal }, isNewChannel);
    },
    block: async (userId, note = '') => {
      await ask({ method: 'PUT', path: `/v1/blocks/${encodeURIComponent(userId)}`, body: { note } }, isDone);
    },
    unblock: (userId) => end(`/v1/blocks/${encodeURIComponent(userId)}`),
    blocks: async () => (await ask({ method: 'GET', path: '/v1/blocks' }, isBlockList)).blocks,
    deleteChannel: (channelId, signal) => end(channelPath(channelId), signal),
    addMember: async (channelId, userId, signal) => {
      const path = `/v1/channels/${encodeURIComponent(channelId)}/members`;
      await ask({ path, body: { userId }, signal }, isNewMember);
    },
    removeMember: (channelId, userId, signal) =>
      end(`${channelPath(channelId)}/members/${encodeURIComponent(userId)}`, signal),
    setRole: async (channelId, userId, role, signal) => {
      const path = `${channelPath(channelId)}/members/${encodeURIComponent(userId)}/role`;
      await ask({ method: 'PUT', path, body: { role }, signal }, isDone);
    },
    ban: async (channelId, order, signal) => {
      await ask({ path: `${placeOf(channelId)}/bans`, body: order, signal }, isDone);
    },
    liftBan: async (channelId, userIds, signal) => {
      await ask({ path: `${placeOf(channelId)}/bans/lift`, body: { userIds }, signal }, isDone);
    },
    invite: (channelId, body, signal) =>
      ask({ path: `${channelPath(channelId)}/invitations`, body, signal }, isMadeInvitation),
    invitations: async (channelId, signal) => {
      const call = { method: 'GET', path: `${channelPath(channelId)}/invitations`, signal } as const;
      return (await ask(call, isInvitationList)).invitations;
    },
    revokeInvitation: (channelId, tag, signal) =>
      end(`${channelPath(channelId)}/invitations/${encodeURIComponent(tag)}`, signal),
    join: async (channelId, invitation, signal) => {
      await ask({ path: `${channelPath(channelId)}/join`, body: { invitation }, signal }, isNewMember);
    },
    setAccess: async (channelId, access) => {
      await ask({ method: 'PUT', path: `${channelPath(channelId)}/access`, body: { access } }, isDone);
    },
    attest: (channelId, body, signal) =>
      ask({ path: `${channelPath(channelId)}/reports`, body, signal }, isAttested),
    bans: (channelId, after, signal) => {
      const query = after === undefined ? '' : `?after=${encodeURIComponent(after)}`;
      return ask({ method: 'GET', path: `${placeOf(channelId)}/bans${query}`, signal }, isBanList);
    },
    connect: (channels, signal) => ask({ path: '/v1/connect', body: { channels }, signal }, isAdmission),
    addDevice: async (body, signal) => {
      await ask({ path: '/v1/devices', body, signal }, isDone);
    },
    removeDevice: (deviceId, signal) => end(`/v1/devices/${encodeURIComponent(deviceId)}`, signal),
    readList: (signal) => ask({ method: 'GET', path: '/v1/channel-list', signal }, isStoredList),
    writeList: (version, data, signal) =>
      ask({ method: 'PUT', path: '/v1/channel-list', body: { version, data }, signal }, isStoredList),
    appendEntry: (entry, previous, signal) => {
      const body = previous === undefined ? { entry } : { entry, previous };
      return ask({ path: '/v1/keys/log', body, signal }, isAppended);
    },
    history: (userId, after, signal) =>
      ask({ path: '/v1/keys/history', body: { userId, after }, signal }, isHistory),
    upload: (body, signal) => ask({ method: 'PUT', path: '/v1/keys', body, signal }, isStock),
    stock: (signal) => ask({ method: 'GET', path: '/v1/keys/stock', signal }, isStock),
    lookUp: (users, packages, signal) => {
      const call = { path: '/v1/keys/lookup', body: { users, packages }, signal };
      return ask({ ...call, answerBytes: DIRECTORY_MAX_BYTES }, isDirectory);
    },
  };
}

function placeOf(channelId: string | undefined): string {
  return channelId === undefined ? '/v1' : channelPath(channelId);
}

function channelPath(channelId: string): string {
  return `/v1/channels/${encodeURIComponent(channelId)}`;
}
