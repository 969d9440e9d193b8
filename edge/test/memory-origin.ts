import { Failure } from '../../shared/failure.ts';
import type { SendItem, Tag } from '../../shared/frame.ts';
import type { AccountWritten, AttemptAnswer } from '../../shared/internal/accounts.ts';
import type { BlockChanged } from '../../shared/internal/bans.ts';
import { type Belongings, DEVICES_MAX, type DeviceWritten } from '../../shared/internal/devices.ts';
import type { ChannelList, ListWritten } from '../../shared/internal/keys.ts';
import type {
  ReadAnswer,
  StoredDevice,
  StoredMember,
  StoredSession,
  Written,
} from '../../shared/internal/records.ts';
import type { NewPublication, NodeInfo, PublicationWritten } from '../../shared/internal/relay.ts';
import type { OriginApi } from '../ports.ts';
import { createMemoryKeys, type MemoryKeys } from './memory-keys.ts';
import { createMemoryModeration } from './memory-moderation.ts';
import { type Ended, endSessionsOf, recover, revoke } from './memory-revocations.ts';
import { createMemoryTotp, type MemoryTotp } from './memory-totp.ts';

/** The origin's internal API in memory: the first write of a tag creates, later ones change nothing. */
export interface MemoryOrigin extends OriginApi {
  readonly accounts: Map<string, { sealed: string; createdOn: string }>;
  readonly devices: Map<string, StoredDevice>;
  readonly sessions: Map<string, StoredSession>;
  readonly channels: Map<string, { sealed: string; createdOn: string }>;
  readonly members: Map<string, StoredMember>;
  /** How many accounts each has let in. */
  readonly invitations: Map<string, number>;
  readonly totp: MemoryTotp;
  readonly moderation: ReturnType<typeof createMemoryModeration>;
  /** Into whichever channel. */
  readonly published: readonly NewPublication[];
  readonly mailed: readonly (SendItem & { readonly sender: Tag })[];
  readonly keys: MemoryKeys;
  nodeList: NodeInfo[];
  /** Request ids it was called with, newest last. */
  readonly requestIds: string[];
  setDown(isDown: boolean): void;
}

const CREATED: Written = { result: 'created' };
const EXISTS: Written = { result: 'exists' };
const MISSING: Written = { result: 'missing' };

export function createMemoryOrigin(): MemoryOrigin {
  let isDown = false;
  const tables = {
    accounts: new Map<string, { sealed: string; createdOn: string }>(),
    devices: new Map<string, StoredDevice>(),
    sessions: new Map<string, StoredSession>(),
    channels: new Map<string, { sealed: string; createdOn: string }>(),
    members: new Map<string, StoredMember>(),
    invitations: new Map<string, number>(),
  };
  const moderation = createMemoryModeration(tables, (account) => endSessionsOf(account, { tables, revoked }));
  const published: NewPublication[] = [];
  const mailed: (SendItem & { readonly sender: Tag })[] = [];
  const totp = createMemoryTotp();
  const keys = createMemoryKeys(tables);
  const lists = new Map<string, ChannelList>();
  const blocks = new Map<string, { readonly account: string; readonly note: string }>();
  const requestIds: string[] = [];
  const revoked = new Map<Tag, Ended>();
  const answer = async <T>(requestId: string, run: () => T): Promise<T> => {
    if (isDown) throw new Failure('unavailable');
    requestIds.push(requestId);
    return run();
  };
  const memory: MemoryOrigin = {
    ...tables,
    totp,
    moderation,
    published,
    mailed,
    keys,
    requestIds,
    nodeList: [],
    setDown: (down) => {
      isDown = down;
    },
    createAccount: ({ account, sealed, createdOn, device, invitation: use }, requestId) =>
      answer(requestId, (): AccountWritten => {
        if (revoked.has(account)) return MISSING;
        if (tables.accounts.has(account))
          return tables.devices.get(device.device)?.account === account ? EXISTS : { result: 'taken' };
        const used = use === undefined ? 0 : (tables.invitations.get(use.invitation) ?? 0);
        if (use !== undefined && used >= use.uses) return { result: 'used-up' };
        if (use !== undefined) tables.invitations.set(use.invitation, used + 1);
        tables.accounts.set(account, { sealed, createdOn });
        tables.devices.set(device.device, { sealed: device.sealed, version: 1, account });
        return CREATED;
      }),
    createSession: (
      { session, device, account, sealed, expiresOn, factor = { version: 0 }, unless = [] },
      requestId,
    ) =>
      answer(requestId, () => {
        if (moderation.isBanned(unless)) return MISSING;
        if (tables.devices.get(device)?.account !== account) return MISSING;
        if (tables.sessions.has(session)) return EXISTS;
        const { version, attempt } = factor;
        const refused =
          attempt === undefined
            ? totp.stale(account, version)
            : totp.attempt({ account, device, version }, attempt);
        if (refused !== undefined) return refused;
        tables.sessions.set(session, { sealed, version: 1, device, account, expiresOn });
        return CREATED;
      }),
    renewSession: ({ session, device, sealed, version }, requestId) =>
      answer(requestId, () => {
        const held = tables.sessions.get(session);
        if (held?.device !== device) return MISSING;
        if (held.version >= version) return EXISTS;
        tables.sessions.set(session, { ...held, sealed, version });
        return CREATED;
      }),
    changeTotp: (change, requestId) =>
      answer(requestId, () => (tables.accounts.has(change.account) ? totp.change(change) : MISSING)),
    attempt: ({ account, device, version, attempt }, requestId) =>
      answer(requestId, (): AttemptAnswer => {
        if (tables.devices.get(device)?.account !== account) return { result: 'missing' };
        return totp.attempt({ account, device, version }, attempt) ?? { result: 'passed' };
      }),
    createChannel: ({ channel, sealed, createdOn, owner }, requestId) =>
      answer(requestId, () => {
        if (tables.channels.has(channel)) return EXISTS;
        tables.channels.set(channel, { sealed, createdOn });
        tables.members.set(owner.member, { sealed: owner.sealed, version: 1, channel });
        return CREATED;
      }),
    addMember: ({ channel, member, sealed }, requestId) =>
      answer(requestId, () => {
        if (!tables.channels.has(channel)) return MISSING;
        if (tables.members.has(member)) return EXISTS;
        tables.members.set(member, { sealed, version: 1, channel });
        return CREATED;
      }),
    changeMembers: (change, requestId) => answer(requestId, () => moderation.changeMembers(change)),
    changeBlock: (change, requestId) =>
      answer(requestId, (): BlockChanged => {
        if (!tables.accounts.has(change.account)) return { result: 'missing' };
        if (change.what === 'place') blocks.set(change.block, { account: change.account, note: change.note });
        else blocks.delete(change.block);
        return { result: 'changed' };
      }),
    listBlocks: ({ account }, requestId) =>
      answer(requestId, () => ({
        blocks: [...blocks]
          .filter(([, one]) => one.account === account)
          .map(([block, { note }]) => ({ block, note: note === '' ? null : note })),
      })),
    findBlocks: (search, requestId) =>
      answer(requestId, () => ({
        found: [
          ...search.blocks.filter((block) => blocks.has(block)),
          ...search.bans.filter((ban) => moderation.isBanned([ban])),
        ],
      })),
    deleteChannel: (deletion, requestId) => answer(requestId, () => moderation.deleteChannel(deletion)),
    changeInvitation: (change, requestId) => answer(requestId, () => moderation.changeInvitation(change)),
    listInvitations: (request, requestId) => answer(requestId, () => moderation.listInvitations(request)),
    placeBans: (change, requestId) => answer(requestId, () => moderation.placeBans(change)),
    publish: (publication, requestId) =>
      answer(requestId, (): PublicationWritten => {
        const { id, ephemeral = false, ifCommit } = publication;
        if (ephemeral) return { outcome: 'accepted' };
        const at = published.findIndex((one) => one.id === id);
        const position = { epoch: 'memory', offset: at === -1 ? published.length + 1 : at + 1 };
        if (at !== -1) return { outcome: 'duplicate', position };
        if (ifCommit !== undefined && ifCommit.offset !== published.length) return { outcome: 'conflict' };
        published.push(publication);
        return { outcome: 'accepted', position };
      }),
    mail: ({ sender, items }, requestId) =>
      answer(requestId, () => {
        mailed.push(...items.map((item) => ({ sender, ...item })));
        return { items: items.map(({ mailbox }) => ({ mailbox })) };
      }),
    countPresent: (_channel, requestId) => answer(requestId, () => ({ present: 3 })),
    listBans: (request, requestId) => answer(requestId, () => moderation.listBans(request)),
    addDevice: ({ account, approver, device, sealed }, requestId) =>
      answer(requestId, (): DeviceWritten => {
        const own = [...tables.devices].filter(([, row]) => row.account === account).map(([tag]) => tag);
        if (own.includes(device)) return EXISTS;
        if (!own.includes(approver)) return MISSING;
        if (revoked.has(device)) return { result: 'revoked' };
        if (own.length >= DEVICES_MAX) return { result: 'full' };
        tables.devices.set(device, { sealed, version: 1, account });
        return CREATED;
      }),
    revoke: (revocation, requestId) => answer(requestId, () => revoke(revocation, { tables, revoked })),
    recover: (recovery, requestId) => answer(requestId, () => recover(recovery, { tables, revoked, keys })),
    belongings: (account, requestId) =>
      answer(requestId, (): Belongings => {
        const own = <T extends { account: string }>(table: ReadonlyMap<string, T>) =>
          Object.fromEntries([...table].filter(([, row]) => row.account === account));
        return { devices: own(tables.devices), sessions: own(tables.sessions) };
      }),
    appendEntry: (entry, requestId) => answer(requestId, () => keys.append(entry)),
    readLog: (request, requestId) => answer(requestId, () => keys.page(request)),
    addPackages: (packages, requestId) => answer(requestId, () => keys.add(packages)),
    readStock: (device, requestId) => answer(requestId, () => keys.stock(device)),
    claimPackages: (claim, requestId) => answer(requestId, () => keys.claim(claim)),
    writeList: ({ account, by, version, data }, requestId) =>
      answer(requestId, (): ListWritten => {
        const held = lists.get(account) ?? { version: 0, data: '' };
        if (tables.sessions.get(by)?.account !== account) return { result: 'refused', version: 0 };
        if (held.version === version && held.data === data) return { result: 'exists', version };
        if (held.version !== version - 1) return { result: 'stale', version: held.version };
        lists.set(account, { version, data });
        return { result: 'created', version };
      }),
    readList: (account, requestId) =>
      answer(
        requestId,
        () => (tables.accounts.has(account) ? lists.get(account) : undefined) ?? { version: 0, data: '' },
      ),
    read: ({ devices, sessions, members, totp: accounts, entries }, requestId) =>
      answer(
        requestId,
        (): ReadAnswer => ({
          devices: pick(tables.devices, devices),
          sessions: pick(tables.sessions, sessions),
          members: pick(tables.members, members),
          ...(accounts === undefined ? {} : { totp: pick(totp.records, accounts) }),
          ...(entries === undefined ? {} : { entries: pick({ get: keys.newest }, entries) }),
        }),
      ),
    nodes: (requestId) => answer(requestId, () => ({ nodes: memory.nodeList })),
  };
  return memory;
}

function pick<T>(
  table: { get(tag: string): T | undefined },
  tags: readonly string[] = [],
): Record<string, T> {
  const found: Record<string, T> = {};
  for (const tag of tags) {
    const row = table.get(tag);
    if (row !== undefined) found[tag] = row;
  }
  return found;
}
