/** What the edge core needs from outside, written from its own need. Adapters fill these; nothing else may. */
import type { Failure, Problem } from '../shared/failure.ts';
import type { Tag } from '../shared/frame.ts';
import type {
  AccountWritten,
  AttemptAnswer,
  NewAccount,
  NewAttempt,
  NewSession,
  SessionRenewal,
  SessionWritten,
  TotpChange,
  TotpWritten,
} from '../shared/internal/accounts.ts';
import type {
  BanPage,
  BansChange,
  BansChanged,
  BansRequest,
  BlockChange,
  BlockChanged,
  BlockSearch,
  Blocks,
  BlocksFound,
  BlocksRequest,
} from '../shared/internal/bans.ts';
import type {
  ChannelDeleted,
  ChannelDeletion,
  ChannelInvitationChange,
  ChannelInvitationChanged,
  ChannelInvitations,
  ChannelInvitationsRequest,
  MembersChange,
  MembersChanged,
  NewChannel,
  NewMember,
} from '../shared/internal/channels.ts';
import type {
  Belongings,
  DeviceWritten,
  NewDevice,
  Recovered,
  Recovery,
  Revocation,
  Revoked,
} from '../shared/internal/devices.ts';
import type {
  ChannelList,
  ClaimedPackages,
  ListWritten,
  LogPage,
  LogPageRequest,
  LogWritten,
  NewChannelList,
  NewLogEntry,
  NewPackages,
  PackageClaim,
  PackagesWritten,
  Stock,
} from '../shared/internal/keys.ts';
import type { ReadAnswer, ReadRequest, Sealed, Written } from '../shared/internal/records.ts';
import type {
  AttendanceCount,
  MailWritten,
  NewMail,
  NewPublication,
  NodeInfo,
  NodesAnswer,
  PublicationWritten,
} from '../shared/internal/relay.ts';
import type { Log } from '../shared/log.ts';
import type { LimitName } from './limits.ts';

/** Kinds of sealed copies in the state Redis; each is the middle part of its key, `hw1:<kind>:<tag>`. */
export type CopyKind = 'dev' | 'sess' | 'totp' | 'enrol' | 'keys' | 'member';

export interface CopyKey {
  readonly kind: CopyKind;
  readonly tag: Tag;
}

/** A sealed copy as it is held; `version` is the one its seal authenticates. */
export interface HeldCopy {
  readonly version: number;
  readonly sealed: Sealed;
}

/** A sealed copy to be held. Against a held copy of the same version, `onEqual` decides which one stays. */
export interface Copy extends CopyKey, HeldCopy {
  /** Milliseconds since 1970; whole seconds. The copy is gone from then on. */
  readonly expiresAtMs: number;
  readonly onEqual: 'keep' | 'replace';
}

/** A one-time mark, remembered for `lifeSeconds` from its first redemption. */
export interface Mark {
  readonly tag: Tag;
  readonly lifeSeconds: number;
}

/** `held[i]` belongs to the i-th asked key; undefined means unknown, never "no". */
export interface Looked {
  readonly held: readonly (HeldCopy | undefined)[];
}
export interface Redeemed extends Looked {
  /** True for exactly one call per mark within its life, however many run at once. */
  readonly isFresh: boolean;
}

/** Whose use of second factors is remembered: codes belong to the account, failures to the device. */
export interface FactorKeys {
  readonly account: Tag;
  readonly device: Tag;
}
/** What is remembered; 0 where nothing is, which does not mean that nothing happened. */
export interface FactorMemory extends Failures {
  /** The last step whose code was used. */
  readonly lastStep: number;
}
export interface Failures {
  /** In a row. */
  readonly failures: number;
  /** Milliseconds since 1970. */
  readonly lockedUntilMs: number;
}
export interface FailureCount {
  readonly add: 0 | 1;
  /** What the origin counted, or 0. */
  readonly atLeast: number;
  readonly nowMs: number;
}

/** Claimed key packages that fit one identity key of a device. */
export interface PackageList {
  readonly account: Tag;
  readonly list: Tag;
}
export interface KeptPackages extends PackageList {
  /** At least one. */
  readonly packages: readonly Sealed[];
  /** Milliseconds since 1970; those the account has before are held as long. */
  readonly expiresAtMs: number;
}

/**
 * Hot sealed copies, claimed key packages and one-time marks; losable at any moment, and never the last word.
 *
 * Each call is one round trip. Every call throws Failure `unavailable` when the store does not answer in time or
 * answers with an error; a `redeem` or `put` that failed may or may not have happened.
 */
export interface State {
  look(keys: readonly CopyKey[]): Promise<Looked>;
  /** Redeems the mark and looks up the keys in the same trip. */
  redeem(mark: Mark, keys: readonly CopyKey[]): Promise<Redeemed>;
  /** Holds the copies, each atomically: a copy never replaces one of a newer version. */
  put(copies: readonly Copy[]): Promise<void>;
  /** Lets go of copies. */
  drop(keys: readonly CopyKey[]): Promise<void>;
  recall(keys: FactorKeys): Promise<FactorMemory>;
  /**
   * Remembers that the code of a step was used and forgets the device's failures. True, and only then anything changes,
   * when the device is not locked and the step is later than every one before: for one call of many that run at once.
   */
  useStep(keys: FactorKeys, use: { readonly step: number; readonly nowMs: number }): Promise<boolean>;
  /**
   * Counts up, atomically, and locks the device whenever lockout.ts says so; while it is locked, `add` adds nothing.
   * Resolves with what is remembered then.
   */
  countFailures(device: Tag, count: FailureCount): Promise<Failures>;
  /** Lists of each account from which a package can be taken; in the order of the accounts. */
  stocked(accounts: readonly Tag[]): Promise<readonly (readonly Tag[])[]>;
  /** Takes one package out of each list, atomically and for good; undefined where there is none, in the asked order. */
  takePackages(lists: readonly PackageList[]): Promise<readonly (Sealed | undefined)[]>;
  /** Holds claimed packages behind those that a list has. */
  keepPackages(lists: readonly KeptPackages[]): Promise<void>;
  /** Forgets what is held of a list. */
  dropPackages(list: PackageList): Promise<void>;
  /** Forgets what is held of accounts besides their marks and copies of devices and sessions, and the failures of devices. */
  forget(gone: { readonly accounts: readonly Tag[]; readonly devices: readonly Tag[] }): Promise<void>;
  /** Resolves when the store answers. */
  ping(): Promise<void>;
}

/**
 * The durable truth, behind an origin's internal API (shared/internal/calls.ts tells what each call promises).
 *
 * One round trip per call, or one more when an origin does not answer and another one is tried. Writes are idempotent
 * by tag, so a write whose answer was lost may be repeated. Throws Failure `unavailable` when no origin answers in
 * time, and `internal` when one answers something it should not. `requestId` names the request for its log.
 */
export interface OriginApi {
  createAccount(account: NewAccount, requestId: string): Promise<AccountWritten>;
  createSession(session: NewSession, requestId: string): Promise<SessionWritten>;
  renewSession(renewal: SessionRenewal, requestId: string): Promise<Written>;
  changeTotp(change: TotpChange, requestId: string): Promise<TotpWritten>;
  attempt(attempt: NewAttempt, requestId: string): Promise<AttemptAnswer>;
  createChannel(channel: NewChannel, requestId: string): Promise<Written>;
  addMember(member: NewMember, requestId: string): Promise<Written>;
  changeMembers(change: MembersChange, requestId: string): Promise<MembersChanged>;
  changeBlock(change: BlockChange, requestId: string): Promise<BlockChanged>;
  listBlocks(request: BlocksRequest, requestId: string): Promise<Blocks>;
  findBlocks(search: BlockSearch, requestId: string): Promise<BlocksFound>;
  deleteChannel(deletion: ChannelDeletion, requestId: string): Promise<ChannelDeleted>;
  changeInvitation(change: ChannelInvitationChange, requestId: string): Promise<ChannelInvitationChanged>;
  listInvitations(request: ChannelInvitationsRequest, requestId: string): Promise<ChannelInvitations>;
  placeBans(change: BansChange, requestId: string): Promise<BansChanged>;
  listBans(request: BansRequest, requestId: string): Promise<BanPage>;
  publish(publication: NewPublication, requestId: string): Promise<PublicationWritten>;
  /** Each item's own verdict. */
  mail(mail: NewMail, requestId: string): Promise<MailWritten>;
  countPresent(channel: Tag, requestId: string): Promise<AttendanceCount>;
  addDevice(device: NewDevice, requestId: string): Promise<DeviceWritten>;
  revoke(revocation: Revocation, requestId: string): Promise<Revoked>;
  recover(recovery: Recovery, requestId: string): Promise<Recovered>;
  belongings(account: Tag, requestId: string): Promise<Belongings>;
  appendEntry(entry: NewLogEntry, requestId: string): Promise<LogWritten>;
  readLog(request: LogPageRequest, requestId: string): Promise<LogPage>;
  addPackages(packages: NewPackages, requestId: string): Promise<PackagesWritten>;
  readStock(device: Tag, requestId: string): Promise<Stock>;
  /** What it took is lost when its answer is. */
  claimPackages(claim: PackageClaim, requestId: string): Promise<ClaimedPackages>;
  writeList(list: NewChannelList, requestId: string): Promise<ListWritten>;
  readList(account: Tag, requestId: string): Promise<ChannelList>;
  read(request: ReadRequest, requestId: string): Promise<ReadAnswer>;
  nodes(requestId: string): Promise<NodesAnswer>;
}

/** The origin nodes, at most 5 s old (nodes.ts). Throws Failure `unavailable` when they cannot be learnt. */
export interface Nodes {
  list(requestId: string): Promise<readonly NodeInfo[]>;
}

/** `unknown`: the store did not answer in time. */
export type Verdict = 'allowed' | 'unknown' | { readonly retryAfterMs: number };

/** Budgets of calls (limits.ts). */
export interface Limiter {
  /** Takes one call from a budget; of many at the same time, no more are allowed than it holds. Never rejects. */
  draw(name: LimitName, tag: Tag): Promise<Verdict>;
}

export interface Clock {
  /** Milliseconds since 1970. */
  now(): number;
}

export interface Random {
  /** A fresh unguessable id: 128 bits, 22 base64url characters. */
  id(): string;
}

/** A request as it came: header names in any case, each name once or more often. */
export interface RawRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: readonly Header[];
}
export type Header = readonly [name: string, value: string];

/** An upgrade that may be passed on to a node. */
export interface Upgrade {
  /** The node the client would like; it need not exist. */
  readonly node: string | undefined;
  /** What the node gets to know of the client's request. */
  readonly headers: readonly Header[];
}

/** A node's answer: the socket is open, with the head for the client and what came after it; or it was refused. */
export type NodeAnswer =
  | { readonly isOpen: true; readonly head: string; readonly rest: Uint8Array }
  | { readonly isOpen: false; readonly failure: Failure };

/** A failure as body and headers, for answers that are not made by the app. */
export interface ProblemAnswer {
  readonly problem: Problem;
  readonly headers: Readonly<Record<string, string>>;
}

/** Turns anything thrown into problem details; faults of our own side are logged on the way. */
export type Refuse = (thrown: unknown, requestId: string) => ProblemAnswer;

/**
 * What a pass-through asks the core (sockets.ts). Nothing of the client's may reach a node but `requestFor`, and nothing
 * of the node's the client but `head` and what follows it, until the node has answered 101.
 */
export interface Sockets {
  /** Reads a request to open a socket; throws the Failure to refuse it with. */
  read(request: RawRequest): Upgrade;
  /** Nodes for it, the one to try first in front; throws `unavailable` when there is none. */
  nodesFor(upgrade: Upgrade, requestId: string): Promise<readonly NodeInfo[]>;
  /** The head of the request for a node. */
  requestFor(upgrade: Upgrade, to: { readonly host: string; readonly requestId: string }): string;
  /** Reads what came of a node's answer so far; undefined when there must come more. Throws when it is unreadable. */
  readAnswer(bytes: Uint8Array, requestId: string): NodeAnswer | undefined;
}

/** Whether this process still wants new requests. */
export interface Lifecycle {
  isDraining(): boolean;
}

/** Whom an ID token is about, as its issuer knows them. */
export interface Subject {
  readonly issuer: string;
  readonly subject: string;
}

/** The configured issuer of ID tokens (OpenID Connect Core 1.0, section 3.1.3.7). */
export interface IdTokens {
  /**
   * Whom the token is about, or `refused`. It must be signed by a key the issuer publishes, be for our client and in its
   * time, and have `nonce` as its nonce. Throws `unavailable` while those keys cannot be read.
   */
  verify(
    token: string,
    expected: { readonly nonce: string; readonly nowMs: number },
  ): Promise<Subject | 'refused'>;
}

/** Told of every answer; must not throw. */
export type Observe = (answer: {
  /** The route's pattern, never the requested path. */
  readonly route: string;
  readonly method: string;
  readonly status: number;
  readonly ms: number;
}) => void;

/** A file of the web messenger. */
export interface WebFile {
  readonly type: string;
  readonly body: Uint8Array<ArrayBuffer>;
  /** The same compressed, for who takes it (RFC 1952). */
  readonly gzip: Uint8Array<ArrayBuffer>;
}

/** The web messenger by name: `page.html`, and what it loads, whose names change whenever their content does. */
export type WebFiles = ReadonlyMap<string, WebFile>;

export interface Ports {
  /** Absent where the edge serves no web messenger. */
  readonly web?: WebFiles | undefined;
  /** Absent where nobody counts. */
  readonly observe?: Observe | undefined;
  readonly state: State;
  readonly origin: OriginApi;
  readonly nodes: Nodes;
  readonly limiter: Limiter;
  readonly clock: Clock;
  readonly random: Random;
  readonly lifecycle: Lifecycle;
  readonly log: Log;
  /** Absent where no issuer is configured. */
  readonly idTokens?: IdTokens | undefined;
}
