import { Hono } from 'hono';
import * as v from 'valibot';
import { SOCKET_PATH, type Tag } from '../../shared/frame.ts';
import { type Grant, type Signer, TOKEN_KINDS, type Verb, type Verifier } from '../../shared/token.ts';
import { type Caller, type CallerEnv, CONNECT_PATH, requireCaller } from '../access.ts';
import { jsonBody, requireJson } from '../body.ts';
import { dayOf } from '../days.ts';
import type { Lookup } from '../lookup.ts';
import { rankNodes } from '../nodes.ts';
import { describe } from '../openapi.ts';
import type { Clock, Nodes, Random } from '../ports.ts';
import { channelIdSchema, channelIdsSchema, millisecondsSchema, tagSchema } from '../schemas.ts';
import { requireLive } from '../session.ts';
import type { Tags } from '../tags.ts';
import type { Throttle } from '../throttle.ts';
import { type Finds, type MemberWant, wantCaller, wantMember } from '../wants.ts';

const requestSchema = v.strictObject({ channels: channelIdsSchema });
const verbSchema = v.picklist(['subscribe', 'publish', 'presence']);
const answerSchema = v.strictObject({
  origins: v.pipe(
    v.array(v.strictObject({ node: v.string(), url: v.string() })),
    v.description('Nodes to connect to, best first'),
  ),
  socketUrl: v.pipe(
    v.string(),
    v.description('The same by way of the edge, for clients that cannot reach a node'),
  ),
  ticket: v.pipe(v.string(), v.description('Right to connect, once')),
  ticketExpiresInMs: millisecondsSchema('Life of the ticket'),
  grants: v.optional(
    v.pipe(v.string(), v.description('Right to the granted channels; absent when there are none')),
  ),
  grantsExpireInMs: v.optional(millisecondsSchema('Life of the grants')),
  channels: v.array(
    v.strictObject({
      channelId: channelIdSchema,
      channel: tagSchema,
      member: tagSchema,
      verbs: v.array(verbSchema),
    }),
  ),
  refused: v.array(v.strictObject({ channelId: channelIdSchema, code: v.literal('not_a_member') })),
});
type Answer = v.InferOutput<typeof answerSchema>;

/** What every member may do; roles that may less come with moderation. */
const MEMBER_VERBS: readonly Verb[] = Object.freeze(['subscribe', 'publish', 'presence']);

export interface ConnectParts {
  readonly publicUrl: string;
  readonly verifier: Verifier;
  readonly throttle: Throttle;
  readonly signer: Signer;
  readonly lookup: Lookup;
  readonly nodes: Nodes;
  readonly tags: Tags;
  readonly clock: Clock;
  readonly random: Random;
}

/** `POST /v1/connect`: where to connect, with what right, and to which of the asked channels. */
export function connectRoutes(parts: ConnectParts) {
  const description = describe({
    summary: 'Ask where to connect',
    description:
      'Channels the caller is no member of are listed in `refused`; one that does not exist looks the same. The ticket ' +
      'goes into the subprotocol `hushwire.ticket.<ticket>` beside `hushwire.v1`.',
    tag: 'connecting',
    needsCaller: true,
    takesBody: true,
    status: 200,
    answer: answerSchema,
    failures: ['session_ended', 'unavailable'],
  });
  return new Hono<CallerEnv>().post(
    CONNECT_PATH,
    description,
    requireCaller(parts),
    requireJson,
    jsonBody(requestSchema),
    async (c) => {
      const channelIds = [...new Set(c.req.valid('json').channels)];
      const call = { caller: c.get('caller'), requestId: c.get('requestId') };
      return c.json(await connect(channelIds, call, parts), 200);
    },
  );
}

interface Call {
  readonly caller: Caller;
  readonly requestId: string;
}

/** One trip to the state Redis; one more to the origin only for what is unknown there; the node list comes meanwhile. */
async function connect(channelIds: readonly string[], call: Call, parts: ConnectParts): Promise<Answer> {
  const { lookup, nodes, tags, clock } = parts;
  const { caller, requestId } = call;
  const { device, session } = await wantCaller(tags, caller);
  const members = await Promise.all(
    channelIds.map((channelId) => wantMember(tags, channelId, caller.userId)),
  );
  const [finds, known] = await Promise.all([
    lookup.find({ device, session, members }, requestId),
    nodes.list(requestId),
  ]);
  requireLive(finds, clock.now());
  const origins = rankNodes(known, session.tag).map(({ node, url }) => ({
    node,
    url: `${url}${SOCKET_PATH}`,
  }));
  const rights = await Promise.all(
    channelIds.map((channelId, i) =>
      tags.right(channelId, caller.userId, finds.members[i]?.record.generation ?? 0),
    ),
  );
  const verdicts = judge(channelIds, { members, finds, rights });
  const [signed] = await Promise.all([
    signRights(verdicts.grants, { caller, session: session.tag, parts }),
    lookup.keep(finds.copies),
  ]);
  const socketUrl = `${parts.publicUrl.replace(/^http/, 'ws')}${SOCKET_PATH}`;
  return { origins, socketUrl, ...signed, channels: verdicts.channels, refused: verdicts.refused };
}

interface Verdicts {
  readonly grants: Grant[];
  readonly channels: Answer['channels'];
  readonly refused: Answer['refused'];
}

function judge(
  channelIds: readonly string[],
  { members, finds, rights }: { members: readonly MemberWant[]; finds: Finds; rights: readonly Tag[] },
): Verdicts {
  const verdicts: Verdicts = { grants: [], channels: [], refused: [] };
  channelIds.forEach((channelId, i) => {
    const want = members[i];
    const found = finds.members[i];
    if (want === undefined || found === undefined || found.record.role === 'none') {
      verdicts.refused.push({ channelId, code: 'not_a_member' });
      return;
    }
    const { channel, tag: member } = want;
    const { generation } = found.record;
    verdicts.grants.push({ channel, member, verbs: MEMBER_VERBS, generation, right: rights[i] ?? '' });
    verdicts.channels.push({ channelId, channel, member, verbs: [...MEMBER_VERBS] });
  });
  return verdicts;
}

/** Signs the ticket and, when there is something to grant, one bundle bound to the same session. */
async function signRights(
  grants: readonly Grant[],
  { caller, session, parts }: { caller: Caller; session: string; parts: ConnectParts },
): Promise<Pick<Answer, 'ticket' | 'ticketExpiresInMs' | 'grants' | 'grantsExpireInMs'>> {
  const { signer, tags, clock, random } = parts;
  const { userId, deviceId } = caller;
  const nowMs = clock.now();
  const [device, mailbox, sender] = await Promise.all([
    tags.device(userId, deviceId),
    tags.mailbox(userId, deviceId),
    tags.sender(userId, dayOf(nowMs)),
  ]);
  const ticket = await signer.sign('ticket', { jti: random.id(), session, device, mailbox, sender }, nowMs);
  const ticketExpiresInMs = TOKEN_KINDS.ticket.lifeSeconds * 1_000;
  if (grants.length === 0) return { ticket, ticketExpiresInMs };
  const bundle = await signer.sign('grants', { session, grants }, nowMs);
  return {
    ticket,
    ticketExpiresInMs,
    grants: bundle,
    grantsExpireInMs: TOKEN_KINDS.grants.lifeSeconds * 1_000,
  };
}
