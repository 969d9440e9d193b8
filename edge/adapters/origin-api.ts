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
import { INTERNAL_PATHS } from '../../shared/internal/calls.ts';
import { READ_MAX_TAGS, SEALED_MAX_CHARS } from '../../shared/internal/records.ts';
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
  const post =
    <T>(path: string, isAnswer: (value: unknown) => value is T) =>
    (body: object, requestId: string): Promise<T> =>
      ask({ method: 'POST', path, body, requestId, isAnswer });
  return {
    createAccount: post(INTERNAL_PATHS.accounts, isAccountWritten),
    createSession: post(INTERNAL_PATHS.sessions, isSessionWritten),
    renewSession: post(INTERNAL_PATHS.renewals, isWritten),
    changeTotp: post(INTERNAL_PATHS.totp, isTotpWritten),
    attempt: post(INTERNAL_PATHS.attempts, isAttemptAnswer),
    createChannel: post(INTERNAL_PATHS.channels, isWritten),
    addMember: post(INTERNAL_PATHS.members, isWritten),
    changeMembers: post(INTERNAL_PATHS.memberships, isMembersChanged),
    changeBlock: post(INTERNAL_PATHS.blocks, isBlockChanged),
    listBlocks: post(INTERNAL_PATHS.blockLists, isBlocks),
    findBlocks: post(INTERNAL_PATHS.blockSearches, isBlocksFound),
    deleteChannel: post(INTERNAL_PATHS.channelDeletions, isChannelDeleted),
    changeInvitation: post(INTERNAL_PATHS.channelInvitations, isChannelInvitationChanged),
    listInvitations: post(INTERNAL_PATHS.channelInvitationReads, isChannelInvitations),
    placeBans: post(INTERNAL_PATHS.bans, isBansChanged),
    listBans: post(INTERNAL_PATHS.banReads, isBanPage),
    publish: post(INTERNAL_PATHS.publications, isPublicationWritten),
    mail: post(INTERNAL_PATHS.mail, isMailWritten),
    countPresent: (channel, requestId) =>
      post(INTERNAL_PATHS.attendances, isAttendanceCount)({ channel }, requestId),
    addDevice: post(INTERNAL_PATHS.devices, isDeviceWritten),
    revoke: post(INTERNAL_PATHS.revocations, isRevoked),
    recover: post(INTERNAL_PATHS.recoveries, isRecovered),
    belongings: (account, requestId) => post(INTERNAL_PATHS.belongings, isBelongings)({ account }, requestId),
    appendEntry: post(INTERNAL_PATHS.keyLog, isLogWritten),
    readLog: post(INTERNAL_PATHS.keyLogPages, isLogPage),
    addPackages: post(INTERNAL_PATHS.keyPackages, isPackagesWritten),
    readStock: (device, requestId) => post(INTERNAL_PATHS.keyStocks, isStock)({ device }, requestId),
    claimPackages: post(INTERNAL_PATHS.keyClaims, isClaimedPackages),
    writeList: post(INTERNAL_PATHS.channelLists, isListWritten),
    readList: (account, requestId) =>
      post(INTERNAL_PATHS.channelListReads, isChannelList)({ account }, requestId),
    read: post(INTERNAL_PATHS.read, isReadAnswer),
    nodes: (requestId) =>
      ask({ method: 'GET', path: INTERNAL_PATHS.nodes, requestId, isAnswer: isNodesAnswer }),
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
