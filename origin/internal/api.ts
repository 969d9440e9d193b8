/**
 * The HTTP API the edge calls (shared/internal/calls.ts), as a function from request to answer.
 *
 * Order of checks, cheapest and least telling first: route, method, size, token, media type, JSON, shape, store. Nothing
 * of a body is looked at before its caller is known. A write hands its token's one-time mark to the store, which redeems
 * it in the same transaction, so a captured call cannot be made twice, with Redis away or not.
 */
import * as v from 'valibot';
import { fromUtf8, randomId } from '../../shared/bytes.ts';
import { encodePublicationBody } from '../../shared/codec.ts';
import { Failure, toFailure } from '../../shared/failure.ts';
import { FAILURES, type FailureCode } from '../../shared/failures.ts';
import type { Tag } from '../../shared/frame.ts';
import type { Blocks, BlocksFound } from '../../shared/internal/bans.ts';
import { INTERNAL_BODY_BYTES, INTERNAL_PATHS } from '../../shared/internal/calls.ts';
import type { ChannelDeleted, MembersChange, MembersChanged } from '../../shared/internal/channels.ts';
import type { Recovered, Recovery, Revocation, Revoked } from '../../shared/internal/devices.ts';
import type { ReadRequest } from '../../shared/internal/records.ts';
import type {
  AttendanceCount,
  MailWritten,
  NewMail,
  NewPublication,
  NodesAnswer,
  PublicationWritten,
} from '../../shared/internal/relay.ts';
import { errorFields, type Log } from '../../shared/log.ts';
import type { Verifier } from '../../shared/token.ts';
import { type HttpHandler, type HttpRequest, jsonAnswer, problemAnswer } from '../http.ts';
import { type NodeLimits, requireFits } from '../limits.ts';
import type {
  BlockRecords,
  Broker,
  CallMark,
  InvitationRecords,
  KeyRecords,
  ListRecords,
  Mailboxes,
  ModerationRecords,
  Presences,
  Records,
  Registry,
  RevocationRecords,
} from '../ports.ts';
import { postItem } from '../posting.ts';
import { authorise } from './caller.ts';
import {
  attendanceRequest,
  bansChange,
  bansRequest,
  belongingsRequest,
  blockChange,
  blockSearch,
  blocksRequest,
  channelDeletion,
  channelInvitationChange,
  channelInvitationsRequest,
  listRequest,
  logPageRequest,
  membersChange,
  newAccount,
  newAttempt,
  newChannel,
  newChannelList,
  newDevice,
  newLogEntry,
  newMail,
  newMember,
  newPackages,
  newPublication,
  newSession,
  packageClaim,
  readRequest,
  recovery,
  revocation,
  sessionRenewal,
  stockRequest,
  totpChange,
} from './schemas.ts';

export interface InternalApiPorts {
  readonly records: Pick<
    Records,
    | 'createAccount'
    | 'createSession'
    | 'renewSession'
    | 'createChannel'
    | 'addMember'
    | 'changeTotp'
    | 'attempt'
    | 'read'
  >;
  readonly revocations: Pick<RevocationRecords, 'addDevice' | 'revoke' | 'recover' | 'belongings'>;
  readonly keys: KeyRecords;
  readonly lists: ListRecords;
  readonly moderation: ModerationRecords;
  readonly invitations: InvitationRecords;
  readonly blocks: BlockRecords;
  /** Told of every session and device that a call has ended, also when an earlier call had. */
  readonly onRevoked: (tags: readonly Tag[]) => void;
  readonly registry: Pick<Registry, 'nodes'>;
  readonly broker: Pick<Broker, 'publish' | 'announce' | 'forget'>;
  /** Runs once after `ms`. */
  readonly setTimer: (run: () => void, ms: number) => unknown;
  readonly mailboxes: Pick<Mailboxes, 'post'>;
  readonly presences: Pick<Presences, 'read'>;
  readonly limits: Pick<NodeLimits, 'dataBytes'>;
  readonly verifier: Verifier;
  readonly now: () => number;
  readonly log: Log;
}

/** Answers every request, failures as problem details; never rejects. */
export function createInternalApi(ports: InternalApiPorts): HttpHandler {
  const routes = createRoutes(ports);
  return async (request) => {
    const requestId = readRequestId(request);
    const route = routes.get(request.path);
    try {
      if (route === undefined) throw new Failure('not_found');
      if (request.method !== route.method) throw new Failure('method_not_allowed');
      if (request.body.length > INTERNAL_BODY_BYTES) throw new Failure('payload_too_large');
      const mark = await authorise(request, ports.verifier, ports.now());
      return jsonAnswer(200, await route.run(request, mark), { 'x-request-id': requestId });
    } catch (error) {
      const failure = toFailure(error);
      report(ports.log, failure, { requestId, ...(route === undefined ? {} : { route: request.path }) });
      const isOtherMethod = route !== undefined && failure.code === 'method_not_allowed';
      return problemAnswer(failure, requestId, isOtherMethod ? { allow: route.method } : {});
    }
  };
}

interface Route {
  readonly method: 'GET' | 'POST';
  readonly run: (request: HttpRequest, mark: CallMark) => Promise<unknown>;
}

function createRoutes(ports: InternalApiPorts): ReadonlyMap<string, Route> {
  const { records, revocations, keys, lists, moderation, invitations, blocks, registry } = ports;
  return new Map<string, Route>([
    [INTERNAL_PATHS.accounts, post(newAccount, (account, mark) => records.createAccount(account, mark))],
    [INTERNAL_PATHS.sessions, post(newSession, (session, mark) => records.createSession(session, mark))],
    [INTERNAL_PATHS.renewals, post(sessionRenewal, (renewal, mark) => records.renewSession(renewal, mark))],
    [INTERNAL_PATHS.channels, post(newChannel, (channel, mark) => records.createChannel(channel, mark))],
    [INTERNAL_PATHS.members, post(newMember, (member, mark) => records.addMember(member, mark))],
    [INTERNAL_PATHS.totp, post(totpChange, (change, mark) => records.changeTotp(change, mark))],
    [INTERNAL_PATHS.attempts, post(newAttempt, (attempt, mark) => records.attempt(attempt, mark))],
    [INTERNAL_PATHS.devices, post(newDevice, (device, mark) => revocations.addDevice(device, mark))],
    [INTERNAL_PATHS.revocations, post(revocation, (asked, mark) => revoke(asked, { mark, ports }))],
    [INTERNAL_PATHS.recoveries, post(recovery, (asked, mark) => recover(asked, { mark, ports }))],
    [INTERNAL_PATHS.belongings, post(belongingsRequest, ({ account }) => revocations.belongings(account))],
    [INTERNAL_PATHS.keyLog, post(newLogEntry, (entry, mark) => keys.appendEntry(entry, mark))],
    [INTERNAL_PATHS.keyLogPages, post(logPageRequest, (request) => keys.readLog(request))],
    [INTERNAL_PATHS.keyPackages, post(newPackages, (packages, mark) => keys.addPackages(packages, mark))],
    [INTERNAL_PATHS.keyStocks, post(stockRequest, ({ device }) => keys.readStock(device))],
    [INTERNAL_PATHS.keyClaims, post(packageClaim, (claim, mark) => keys.claimPackages(claim, mark))],
    [INTERNAL_PATHS.channelLists, post(newChannelList, (list, mark) => lists.writeList(list, mark))],
    [INTERNAL_PATHS.channelListReads, post(listRequest, ({ account }) => lists.readList(account))],
    [
      INTERNAL_PATHS.memberships,
      post(membersChange, (change, mark) => changeMembers(change, { mark, ports })),
    ],
    [INTERNAL_PATHS.blocks, post(blockChange, (change, mark) => blocks.changeBlock(change, mark))],
    [
      INTERNAL_PATHS.blockLists,
      post(
        blocksRequest,
        async ({ account }): Promise<Blocks> => ({ blocks: await blocks.listBlocks(account) }),
      ),
    ],
    [
      INTERNAL_PATHS.blockSearches,
      post(blockSearch, async (search): Promise<BlocksFound> => ({ found: await blocks.findBlocks(search) })),
    ],
    [
      INTERNAL_PATHS.channelDeletions,
      post(channelDeletion, ({ channel }, mark) => deleteChannel(channel, { mark, ports })),
    ],
    [
      INTERNAL_PATHS.channelInvitations,
      post(channelInvitationChange, (change, mark) => invitations.changeInvitation(change, mark)),
    ],
    [
      INTERNAL_PATHS.channelInvitationReads,
      post(channelInvitationsRequest, ({ channel }) => invitations.listInvitations(channel)),
    ],
    [
      INTERNAL_PATHS.bans,
      post(bansChange, async (change, mark) => {
        const changed = await moderation.placeBans(change, mark);
        ports.onRevoked(changed.sessions);
        return changed;
      }),
    ],
    [INTERNAL_PATHS.banReads, post(bansRequest, ({ channel, after }) => moderation.listBans(channel, after))],
    [INTERNAL_PATHS.publications, post(newPublication, (publication) => publishFor(publication, ports))],
    [INTERNAL_PATHS.mail, post(newMail, (mail) => postFor(mail, ports))],
    [
      INTERNAL_PATHS.attendances,
      post(attendanceRequest, async ({ channel }): Promise<AttendanceCount> => {
        const { count } = await ports.presences.read(channel);
        return { present: count };
      }),
    ],
    [INTERNAL_PATHS.read, post(readRequest, (read: ReadRequest) => records.read(read))],
    [
      INTERNAL_PATHS.nodes,
      { method: 'GET', run: async (): Promise<NodesAnswer> => ({ nodes: await registry.nodes() }) },
    ],
  ]);
}

/** Nodes are told at once; what one of them had under way then may have begun the log anew, so it is forgotten twice. */
const FORGET_AGAIN_MS = 5_000;

async function deleteChannel(
  channel: Tag,
  { mark, ports }: { readonly mark: CallMark; readonly ports: InternalApiPorts },
): Promise<ChannelDeleted> {
  const { moderation, broker, onRevoked, setTimer, log } = ports;
  const deleted = await moderation.deleteChannel(channel, mark);
  if (deleted.result === 'missing') return deleted;
  onRevoked([channel]);
  const forget = () =>
    broker.forget(channel).catch((error: unknown) => log('error', 'channel.log_kept', errorFields(error)));
  setTimer(() => void forget(), FORGET_AGAIN_MS);
  // The channel is gone, whatever the relay says: a log that stays is read by nobody, and expires.
  await forget();
  return deleted;
}

/** As a member's connection would have it (commands/publish.ts); the edge has checked who it is. */
async function publishFor(
  { channel, member, id, data, ephemeral = false, ifCommit }: NewPublication,
  { broker, limits }: InternalApiPorts,
): Promise<PublicationWritten> {
  requireFits(data, limits);
  const body = encodePublicationBody(channel, id, member, data);
  if (ephemeral) {
    await broker.announce(channel, body);
    return { outcome: 'accepted' };
  }
  return broker.publish({ channel, id, body, ...(ifCommit && { ifCommit }) });
}

/** As `send` of a connection (commands/mail.ts); the edge has checked the grants. */
async function postFor(
  { sender, items }: NewMail,
  { mailboxes, limits, log }: InternalApiPorts,
): Promise<MailWritten> {
  const onFailure = (code: FailureCode) => log('warn', 'mail_refused', { code });
  const posting = { mailboxes, limits, senderFor: () => sender, onFailure };
  return { items: await Promise.all(items.map((item) => postItem(item, posting))) };
}

/** What ended is told at once, also by a repeat whose first try had done it. */
async function changeMembers(
  change: MembersChange,
  { mark, ports }: { readonly mark: CallMark; readonly ports: InternalApiPorts },
): Promise<MembersChanged> {
  const changed = await ports.moderation.changeMembers(change, mark);
  if (changed.result === 'changed')
    ports.onRevoked(change.members.flatMap(({ revokes }) => (revokes === undefined ? [] : [revokes])));
  return changed;
}

/** The nodes are told without waiting for them: what is written they learn in any case. */
async function revoke(
  asked: Revocation,
  { mark, ports }: { readonly mark: CallMark; readonly ports: InternalApiPorts },
): Promise<Revoked> {
  const revoked = await ports.revocations.revoke(asked, mark);
  ports.onRevoked([...revoked.sessions, ...revoked.devices]);
  return revoked;
}

async function recover(
  asked: Recovery,
  { mark, ports }: { readonly mark: CallMark; readonly ports: InternalApiPorts },
): Promise<Recovered> {
  const recovered = await ports.revocations.recover(asked, mark);
  ports.onRevoked(recovered.devices);
  return recovered;
}

function post<T>(
  schema: v.GenericSchema<unknown, T>,
  act: (value: T, mark: CallMark) => Promise<unknown>,
): Route {
  return { method: 'POST', run: async (request, mark) => act(parseBody(request, schema), mark) };
}

function parseBody<T>({ headers, body }: HttpRequest, schema: v.GenericSchema<unknown, T>): T {
  if (!/^application\/json *(;|$)/i.test(headers['content-type'] ?? ''))
    throw new Failure('unsupported_media_type');
  const value = parseJson(body);
  if (Array.isArray(value)) throw new Failure('bad_request', { detail: 'The body is not an object' });
  const result = v.safeParse(schema, value, { abortEarly: true });
  if (result.success) return result.output;
  throw new Failure('bad_request', { detail: explain(result.issues[0]) });
}

function parseJson(body: Uint8Array): unknown {
  try {
    return JSON.parse(fromUtf8(body));
  } catch (cause) {
    throw new Failure('bad_request', { detail: 'The body is not JSON', cause });
  }
}

/** Where the fault is, by names of ours only: an unknown field's name came from outside. */
function explain(issue: v.BaseIssue<unknown>): string {
  if (issue.expected === 'never') return 'The body has an unknown field';
  const path = v.getDotPath(issue);
  return path === null ? 'The body is malformed' : `${path} is missing or malformed`;
}

const REQUEST_ID = /^[A-Za-z0-9_-]{8,64}$/;

function readRequestId({ headers }: HttpRequest): string {
  const given = headers['x-request-id'];
  return given !== undefined && REQUEST_ID.test(given) ? given : randomId();
}

/** Refusals are worth a line each, our own faults a loud one with the code of what caused them. */
function report(
  log: Log,
  failure: Failure,
  fields: { readonly requestId: string; readonly route?: string },
): void {
  const { code, cause } = failure;
  const status = FAILURES[code].status ?? 500;
  if (code !== 'internal' && code !== 'unavailable')
    return log('warn', 'internal.refused', { ...fields, code, status });
  log('error', 'internal.failed', {
    ...fields,
    code,
    status,
    ...(cause === undefined ? {} : errorFields(cause)),
  });
}
