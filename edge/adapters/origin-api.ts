/**
 * The internal API of the origins, over fetch. Each attempt carries a token of its own, bound to method, path and body
 * and good for one write.
 *
 * When an origin does not answer, the next one is tried, for writes as well as for reads, and whether the first one got
 * the write or not: writes are idempotent by tag, so the worst that happens is `exists` where `created` was meant, and
 * every caller treats these alike for a tag that is its own. (Which of the two it was cannot be known anyway: runtimes
 * tell a refused connection from a lost answer only in words.) All attempts together take no longer than the deadline.
 */
import { toBase64Url, utf8 } from '../../shared/bytes.ts';
import { Failure } from '../../shared/failure.ts';
import { isFailureCode } from '../../shared/failures.ts';
import type {
  AccountWritten,
  AttemptAnswer,
  SessionWritten,
  TotpWritten,
} from '../../shared/internal/accounts.ts';
import type { BanPage, BansChanged, BlockChanged, Blocks, BlocksFound } from '../../shared/internal/bans.ts';
import { INTERNAL_PATHS } from '../../shared/internal/calls.ts';
import type {
  ChannelDeleted,
  ChannelInvitationChanged,
  ChannelInvitations,
  MembersChanged,
} from '../../shared/internal/channels.ts';
import type { Belongings, DeviceWritten, Recovered, Revoked } from '../../shared/internal/devices.ts';
import type {
  ChannelList,
  ClaimedPackages,
  ListWritten,
  LogPage,
  LogWritten,
  PackagesWritten,
  Stock,
} from '../../shared/internal/keys.ts';
import {
  READ_MAX_TAGS,
  type ReadAnswer,
  SEALED_MAX_CHARS,
  type Written,
} from '../../shared/internal/records.ts';
import type {
  AttendanceCount,
  MailWritten,
  NodesAnswer,
  PublicationWritten,
} from '../../shared/internal/relay.ts';
import type { Signer } from '../../shared/token.ts';
import type { Clock, OriginApi, Random } from '../ports.ts';
import {
  isAccountWritten,
  isAttemptAnswer,
  isAttendanceCount,
  isBanPage,
  isBansChanged,
  isBelongings,
  isBlockChanged,
  isBlocks,
  isBlocksFound,
  isChannelDeleted,
  isChannelInvitationChanged,
  isChannelInvitations,
  isChannelList,
  isClaimedPackages,
  isDeviceWritten,
  isListWritten,
  isLogPage,
  isLogWritten,
  isMailWritten,
  isMembersChanged,
  isNodesAnswer,
  isPackagesWritten,
  isPublicationWritten,
  isReadAnswer,
  isRecovered,
  isRevoked,
  isSessionWritten,
  isStock,
  isTotpWritten,
  isWritten,
} from './origin-answers.ts';

export interface OriginApiOptions {
  /** Base URLs without trailing slash; the one that answered last is asked first. */
  readonly urls: readonly string[];
  readonly signer: Signer;
  readonly clock: Clock;
  readonly random: Random;
  /** For all attempts together. */
  readonly deadlineMs?: number;
}

/** An origin answers in milliseconds or not at all; the SDK gives up on the edge after 10 s. */
const DEADLINE_MS = 3_000;
/** One attempt may take a third of the deadline: so many silent origins are borne. Those that refuse take no time. */
const SHARES = 3;
/** Workers allow 50 requests for each that they answer. */
const ATTEMPTS_MAX = 8;
/** The largest answer there can be: a read of every tag it may ask for. */
const ANSWER_MAX_BYTES = READ_MAX_TAGS * (SEALED_MAX_CHARS + 512);

interface Call<T> {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly body?: object;
  readonly requestId: string;
  readonly isAnswer: (value: unknown) => value is T;
}

export function createOriginApi(options: OriginApiOptions): OriginApi {
  const ask = createCaller(options);
  const write = (path: string, body: object, requestId: string) =>
    ask<Written>({ method: 'POST', path, body, requestId, isAnswer: isWritten });
  return {
    createAccount: (body, requestId) =>
      ask<AccountWritten>({
        method: 'POST',
        path: INTERNAL_PATHS.accounts,
        body,
        requestId,
        isAnswer: isAccountWritten,
      }),
    createSession: (body, requestId) =>
      ask<SessionWritten>({
        method: 'POST',
        path: INTERNAL_PATHS.sessions,
        body,
        requestId,
        isAnswer: isSessionWritten,
      }),
    renewSession: (renewal, requestId) => write(INTERNAL_PATHS.renewals, renewal, requestId),
    changeTotp: (body, requestId) =>
      ask<TotpWritten>({
        method: 'POST',
        path: INTERNAL_PATHS.totp,
        body,
        requestId,
        isAnswer: isTotpWritten,
      }),
    attempt: (body, requestId) =>
      ask<AttemptAnswer>({
        method: 'POST',
        path: INTERNAL_PATHS.attempts,
        body,
        requestId,
        isAnswer: isAttemptAnswer,
      }),
    createChannel: (channel, requestId) => write(INTERNAL_PATHS.channels, channel, requestId),
    addMember: (member, requestId) => write(INTERNAL_PATHS.members, member, requestId),
    changeMembers: (body, requestId) =>
      ask<MembersChanged>({
        method: 'POST',
        path: INTERNAL_PATHS.memberships,
        body,
        requestId,
        isAnswer: isMembersChanged,
      }),
    changeBlock: (body, requestId) =>
      ask<BlockChanged>({
        method: 'POST',
        path: INTERNAL_PATHS.blocks,
        body,
        requestId,
        isAnswer: isBlockChanged,
      }),
    listBlocks: (body, requestId) =>
      ask<Blocks>({
        method: 'POST',
        path: INTERNAL_PATHS.blockLists,
        body,
        requestId,
        isAnswer: isBlocks,
      }),
    findBlocks: (body, requestId) =>
      ask<BlocksFound>({
        method: 'POST',
        path: INTERNAL_PATHS.blockSearches,
        body,
        requestId,
        isAnswer: isBlocksFound,
      }),
    deleteChannel: (body, requestId) =>
      ask<ChannelDeleted>({
        method: 'POST',
        path: INTERNAL_PATHS.channelDeletions,
        body,
        requestId,
        isAnswer: isChannelDeleted,
      }),
    changeInvitation: (body, requestId) =>
      ask<ChannelInvitationChanged>({
        method: 'POST',
        path: INTERNAL_PATHS.channelInvitations,
        body,
        requestId,
        isAnswer: isChannelInvitationChanged,
      }),
    listInvitations: (body, requestId) =>
      ask<ChannelInvitations>({
        method: 'POST',
        path: INTERNAL_PATHS.channelInvitationReads,
        body,
        requestId,
        isAnswer: isChannelInvitations,
      }),
    placeBans: (body, requestId) =>
      ask<BansChanged>({
        method: 'POST',
        path: INTERNAL_PATHS.bans,
        body,
        requestId,
        isAnswer: isBansChanged,
      }),
    listBans: (body, requestId) =>
      ask<BanPage>({ method: 'POST', path: INTERNAL_PATHS.banReads, body, requestId, isAnswer: isBanPage }),
    publish: (body, requestId) =>
      ask<PublicationWritten>({
        method: 'POST',
        path: INTERNAL_PATHS.publications,
        body,
        requestId,
        isAnswer: isPublicationWritten,
      }),
    mail: (body, requestId) =>
      ask<MailWritten>({
        method: 'POST',
        path: INTERNAL_PATHS.mail,
        body,
        requestId,
        isAnswer: isMailWritten,
      }),
    countPresent: (channel, requestId) =>
      ask<AttendanceCount>({
        method: 'POST',
        path: INTERNAL_PATHS.attendances,
        body: { channel },
        requestId,
        isAnswer: isAttendanceCount,
      }),
    addDevice: (body, requestId) =>
      ask<DeviceWritten>({
        method: 'POST',
        path: INTERNAL_PATHS.devices,
        body,
        requestId,
        isAnswer: isDeviceWritten,
      }),
    revoke: (body, requestId) =>
      ask<Revoked>({
        method: 'POST',
        path: INTERNAL_PATHS.revocations,
        body,
        requestId,
        isAnswer: isRevoked,
      }),
    recover: (body, requestId) =>
      ask<Recovered>({
        method: 'POST',
        path: INTERNAL_PATHS.recoveries,
        body,
        requestId,
        isAnswer: isRecovered,
      }),
    belongings: (account, requestId) =>
      ask<Belongings>({
        method: 'POST',
        path: INTERNAL_PATHS.belongings,
        body: { account },
        requestId,
        isAnswer: isBelongings,
      }),
    appendEntry: (body, requestId) =>
      ask<LogWritten>({
        method: 'POST',
        path: INTERNAL_PATHS.keyLog,
        body,
        requestId,
        isAnswer: isLogWritten,
      }),
    readLog: (body, requestId) =>
      ask<LogPage>({
        method: 'POST',
        path: INTERNAL_PATHS.keyLogPages,
        body,
        requestId,
        isAnswer: isLogPage,
      }),
    addPackages: (body, requestId) =>
      ask<PackagesWritten>({
        method: 'POST',
        path: INTERNAL_PATHS.keyPackages,
        body,
        requestId,
        isAnswer: isPackagesWritten,
      }),
    readStock: (device, requestId) =>
      ask<Stock>({
        method: 'POST',
        path: INTERNAL_PATHS.keyStocks,
        body: { device },
        requestId,
        isAnswer: isStock,
      }),
    claimPackages: (body, requestId) =>
      ask<ClaimedPackages>({
        method: 'POST',
        path: INTERNAL_PATHS.keyClaims,
        body,
        requestId,
        isAnswer: isClaimedPackages,
      }),
    writeList: (body, requestId) =>
      ask<ListWritten>({
        method: 'POST',
        path: INTERNAL_PATHS.channelLists,
        body,
        requestId,
        isAnswer: isListWritten,
      }),
    readList: (account, requestId) =>
      ask<ChannelList>({
        method: 'POST',
        path: INTERNAL_PATHS.channelListReads,
        body: { account },
        requestId,
        isAnswer: isChannelList,
      }),
    read: (body, requestId) =>
      ask<ReadAnswer>({ method: 'POST', path: INTERNAL_PATHS.read, body, requestId, isAnswer: isReadAnswer }),
    nodes: (requestId) =>
      ask<NodesAnswer>({ method: 'GET', path: INTERNAL_PATHS.nodes, requestId, isAnswer: isNodesAnswer }),
  };
}

function createCaller({ urls, deadlineMs = DEADLINE_MS, ...signing }: OriginApiOptions) {
  // With one origin the second attempt goes to it again: it may only have closed an idle connection.
  const attempts = Math.min(ATTEMPTS_MAX, Math.max(2, urls.length));
  let preferred = 0;
  return async <T>(call: Call<T>): Promise<T> => {
    const first = preferred;
    const deadline = AbortSignal.timeout(deadlineMs);
    let cause: unknown;
    for (let i = 0; i < attempts && !deadline.aborted; i += 1) {
      const index = (first + i) % urls.length;
      const url = `${urls[index]}${call.path}`;
      const request = await sign(url, call, signing);
      const share = AbortSignal.timeout(Math.floor(deadlineMs / Math.min(SHARES, attempts)));
      const answer = await attempt(url, { ...request, signal: AbortSignal.any([deadline, share]) });
      if ('answer' in answer) {
        preferred = index;
        return accept(answer, call);
      }
      cause = answer.cause;
    }
    throw new Failure('unavailable', { cause });
  };
}

type Signing = Pick<OriginApiOptions, 'signer' | 'clock' | 'random'>;

async function sign<T>(url: string, call: Call<T>, { signer, clock, random }: Signing): Promise<RequestInit> {
  const { method, body, requestId } = call;
  const text = body === undefined ? '' : JSON.stringify(body);
  const { pathname, search } = new URL(url);
  const bodyHash = toBase64Url(new Uint8Array(await crypto.subtle.digest('SHA-256', utf8(text))));
  const claims = { jti: random.id(), method, path: `${pathname}${search}`, bodyHash };
  const token = await signer.sign('internal', claims, clock.now());
  return {
    method,
    headers: {
      authorization: `Bearer ${token}`,
      'x-request-id': requestId,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body: text }),
    // Not followed; `error` would say so, but workerd does not know it.
    redirect: 'manual',
  };
}

type Attempt = { readonly answer: unknown; readonly status: number } | { readonly cause: unknown };

/** One request. Anything that another origin may do better comes back as a cause. */
async function attempt(url: string, request: RequestInit): Promise<Attempt> {
  try {
    const response = await fetch(url, request);
    if (response.type === 'opaqueredirect' || (response.status >= 300 && response.status < 400))
      return { cause: new TypeError('An origin answered a redirect') };
    const answer: unknown = JSON.parse(await readText(response));
    // A node of the release before does not know a newer call; while a release goes on, another one does.
    if (response.status >= 502 || response.status === 404) return { cause: failureOf(answer) };
    return { answer, status: response.status };
  } catch (cause) {
    return { cause };
  }
}

/** Anything but a good answer is a fault between us, and none of our caller's business. */
function accept<T>({ answer, status }: { answer: unknown; status: number }, { isAnswer }: Call<T>): T {
  if (status !== 200) throw new Failure('internal', { cause: failureOf(answer) });
  if (!isAnswer(answer))
    throw new Failure('internal', { cause: new TypeError('An origin answered another shape') });
  return answer;
}

function failureOf(answer: unknown): unknown {
  const { code } = (answer ?? {}) as { code?: unknown };
  return isFailureCode(code) ? new Failure(code) : new TypeError('An origin answered no problem details');
}

async function readText(response: Response): Promise<string> {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  let text = '';
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += chunk.byteLength;
    if (bytes > ANSWER_MAX_BYTES) throw new RangeError('An origin answered more than it may');
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}
