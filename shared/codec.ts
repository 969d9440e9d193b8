/**
 * Text ↔ frame; the only place that parses what a peer sent on a socket.
 *
 * Parsing is strict: unknown types, unknown fields, wrong types and values over a limit are all refused, so that two
 * implementations cannot drift apart unnoticed. A frame whose `ref` is readable is refused with that ref (one typed
 * answer); anything else costs the connection.
 *
 * Publications take a short cut, because they are the hot path: everything but the position is encoded once by the
 * node that received it (`encodePublicationBody`), travels through the relay as opaque text, and is completed by one
 * concatenation (`encodePublication`). That is safe without escaping because tags, ids and data are base64url.
 */
import { toFailure } from './failure.ts';
import { isFailureCode, type Retry } from './failures.ts';
import type {
  ClientFrame,
  FailedFrame,
  PublicationFrame,
  Ref,
  SendItem,
  SentItem,
  SeqRange,
  ServerFrame,
  SubscribedItem,
  SubscribeItem,
  Tag,
} from './frame.ts';
import { isCommitment, isStamp } from './franking.ts';
import { LIMITS } from './limits.ts';
import { isEpoch, isOffset, isPosition, type Position } from './position.ts';

const TAG = /^[A-Za-z0-9_-]{22}$/;
const BASE64URL = /^[A-Za-z0-9_-]*$/;
const JWT = /^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$/;
const MAX_REF = 2 ** 32 - 1;
/** Every list of a frame has the same bound. */
const MOST_IN_A_LIST = Math.min(LIMITS.channelsPerCall, LIMITS.itemsPerCall);
const RETRIES: readonly unknown[] = ['now', 'backoff', 'new-ticket', 'never'] satisfies Retry[];

type Fields = Record<string, unknown>;

/** Why a client frame was refused, and the ref to answer to, if one could be read. */
export interface Refused {
  readonly refused: 'bad_frame' | 'payload_too_large';
  readonly detail: string;
  readonly ref: Ref | undefined;
}

/** Parses one client frame. Never throws; the answer has `refused` exactly when the frame breaks the protocol. */
export function parseClientFrame(text: string): ClientFrame | Refused {
  const fields = parseObject(text);
  if (fields === undefined) return refuse('Not a JSON object', undefined);
  const ref = isRef(fields.ref) ? fields.ref : undefined;
  if (ref === undefined) return refuse('ref must be an integer from 1 to 4294967295', undefined);
  switch (fields.type) {
    case 'publish':
      return parsePublish(fields, ref);
    case 'subscribe':
      return parseSubscribe(fields, ref);
    case 'unsubscribe':
      return parseUnsubscribe(fields, ref);
    case 'send':
      return parseSend(fields, ref);
    case 'ack':
      return parseAck(fields, ref);
    case 'presence':
      return parsePresence(fields, ref);
    case 'attach':
      return hasOnly(fields, ['type', 'ref']) ? { type: 'attach', ref } : refuse('Unknown field', ref);
    case 'refresh':
      return parseRefresh(fields, ref);
    case 'ping':
      return hasOnly(fields, ['type', 'ref']) ? { type: 'ping', ref } : refuse('Unknown field', ref);
    default:
      return refuse('Unknown type', ref);
  }
}

function parsePublish(fields: Fields, ref: Ref): ClientFrame | Refused {
  const { channel, id, data, ephemeral, ifCommit, commitment } = fields;
  if (!hasOnly(fields, PUBLISH_FIELDS)) return refuse('Unknown field', ref);
  if (!isTag(channel)) return refuse('channel must be a tag', ref);
  if (!isMessageId(id)) return refuse('id must be 16 to 36 base64url characters', ref);
  if (typeof data !== 'string') return refuse('data must be base64url', ref);
  if (data.length > LIMITS.dataChars)
    return { refused: 'payload_too_large', detail: 'data is over 64 KiB', ref };
  if (!isData(data)) return refuse('data must be base64url', ref);
  const message = { type: 'publish', ref, channel, id, data } as const;
  if (ephemeral !== undefined) {
    if (ephemeral !== true) return refuse('ephemeral must be true, or absent', ref);
    if (ifCommit !== undefined) return refuse('ifCommit and ephemeral exclude each other', ref);
    if (commitment !== undefined) return refuse('commitment and ephemeral exclude each other', ref);
    return { ...message, ephemeral };
  }
  if (ifCommit !== undefined && !isPosition(ifCommit)) return refuse('ifCommit must be a position', ref);
  if (commitment !== undefined && !isCommitment(commitment))
    return refuse('commitment must be 43 base64url characters', ref);
  return {
    ...message,
    ...(ifCommit === undefined ? {} : { ifCommit }),
    ...(commitment === undefined ? {} : { commitment }),
  };
}

const PUBLISH_FIELDS = ['type', 'ref', 'channel', 'id', 'data', 'ephemeral', 'ifCommit', 'commitment'];

function parseSend(fields: Fields, ref: Ref): ClientFrame | Refused {
  const { grants, items } = fields;
  if (!hasOnly(fields, ['type', 'ref', 'grants', 'items'])) return refuse('Unknown field', ref);
  if (grants !== undefined && !isJwt(grants)) return refuse('grants must be a JWT', ref);
  if (!isListOf(items, isSendItem))
    return refuse(`items must be 1 to ${LIMITS.itemsPerCall} {mailbox, id, data} objects`, ref);
  return grants === undefined ? { type: 'send', ref, items } : { type: 'send', ref, grants, items };
}

function parseAck(fields: Fields, ref: Ref): ClientFrame | Refused {
  const { ranges } = fields;
  if (!hasOnly(fields, ['type', 'ref', 'ranges'])) return refuse('Unknown field', ref);
  if (!isListOf(ranges, isSeqRange))
    return refuse(`ranges must be 1 to ${LIMITS.itemsPerCall} pairs [first, last]`, ref);
  return { type: 'ack', ref, ranges };
}

function parsePresence(fields: Fields, ref: Ref): ClientFrame | Refused {
  const { channel, show, watch } = fields;
  if (!hasOnly(fields, ['type', 'ref', 'channel', 'show', 'watch'])) return refuse('Unknown field', ref);
  if (!isTag(channel)) return refuse('channel must be a tag', ref);
  if (typeof show !== 'boolean' || typeof watch !== 'boolean')
    return refuse('show and watch must be true or false', ref);
  return { type: 'presence', ref, channel, show, watch };
}

function parseSubscribe(fields: Fields, ref: Ref): ClientFrame | Refused {
  const { grants, channels } = fields;
  if (!hasOnly(fields, ['type', 'ref', 'grants', 'channels'])) return refuse('Unknown field', ref);
  if (grants !== undefined && !isJwt(grants)) return refuse('grants must be a JWT', ref);
  if (!isListOf(channels, isSubscribeItem) || !areDistinct(channels.map((item) => item.channel)))
    return refuse(
      `channels must be 1 to ${LIMITS.channelsPerCall} distinct {channel, position?} objects`,
      ref,
    );
  return grants === undefined
    ? { type: 'subscribe', ref, channels }
    : { type: 'subscribe', ref, grants, channels };
}

function parseUnsubscribe(fields: Fields, ref: Ref): ClientFrame | Refused {
  const { channels } = fields;
  if (!hasOnly(fields, ['type', 'ref', 'channels'])) return refuse('Unknown field', ref);
  if (!isListOf(channels, isTag) || !areDistinct(channels))
    return refuse(`channels must be 1 to ${LIMITS.channelsPerCall} distinct tags`, ref);
  return { type: 'unsubscribe', ref, channels };
}

function parseRefresh(fields: Fields, ref: Ref): ClientFrame | Refused {
  const { ticket, grants } = fields;
  if (!hasOnly(fields, ['type', 'ref', 'ticket', 'grants'])) return refuse('Unknown field', ref);
  if (!isJwt(ticket)) return refuse('ticket must be a JWT', ref);
  if (grants !== undefined && !isJwt(grants)) return refuse('grants must be a JWT', ref);
  return grants === undefined ? { type: 'refresh', ref, ticket } : { type: 'refresh', ref, ticket, grants };
}

/** A client frame as text. */
export function encodeClientFrame(frame: ClientFrame): string {
  return JSON.stringify(frame);
}

/** A server frame as text; publications on the hot path use `encodePublication` instead, with the same result. */
export function encodeServerFrame(frame: ServerFrame): string {
  return JSON.stringify(frame);
}

/** `failed` for anything thrown while a command was carried out; unknown errors show as `internal`. */
export function failedFrame(ref: Ref, thrown: unknown): FailedFrame {
  const { code, retry, detail, retryAfterMs, position } = toFailure(thrown);
  return {
    type: 'failed',
    ref,
    code,
    retry,
    ...(detail === undefined ? {} : { detail }),
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    ...(position === undefined ? {} : { position }),
  };
}

/** What makes a publication one that can be reported. */
export type Franked = Pick<PublicationFrame, 'commitment' | 'stamp'>;

/** The part of a publication that does not depend on its position; every value must be base64url, or a stamp. */
export function encodePublicationBody(
  channel: Tag,
  id: string,
  from: Tag,
  data: string,
  { commitment, stamp }: Franked = {},
): string {
  const message = `"channel":"${channel}","id":"${id}","from":"${from}","data":"${data}"`;
  if (commitment === undefined) return `${message}}`;
  const stamped = stamp === undefined ? '' : `,"stamp":"${stamp}"`;
  return `${message},"commitment":"${commitment}"${stamped}}`;
}

/** A whole `publication` frame from a position and a body made by `encodePublicationBody`. */
export function encodePublication(position: Position, body: string): string {
  return `{"type":"publication","epoch":"${position.epoch}","offset":${position.offset},${body}`;
}

/** A whole `ephemeral` frame from a body made by `encodePublicationBody`. */
export function encodeEphemeral(body: string): string {
  return `{"type":"ephemeral",${body}`;
}

/** The part of a mailbox item that does not depend on its place; both values must be base64url. */
export function encodeItemBody(id: string, data: string): string {
  return `"id":"${id}","data":"${data}"}`;
}

/** A whole `delivery` frame from a place in the mailbox and a body made by `encodeItemBody`. */
export function encodeDelivery(epoch: string, seq: number, body: string): string {
  return `{"type":"delivery","epoch":"${epoch}","seq":${seq},${body}`;
}

/**
 * Parses one server frame for a client; `undefined` when it breaks the protocol. Never throws. What a newer node may
 * add within v1 (protocol.md, "Versions") does no harm: an unknown type comes back as `'unknown'`, unknown fields stay
 * unread, and an unknown failure code is handed on as `internal`, with the retry advice it came with.
 */
export function parseServerFrame(text: string): ServerFrame | 'unknown' | undefined {
  const fields = parseObject(text);
  if (fields === undefined || typeof fields.type !== 'string') return undefined;
  const check = Object.hasOwn(SERVER_FRAMES, fields.type) ? SERVER_FRAMES[fields.type] : undefined;
  if (check === undefined) return 'unknown';
  if (!check(fields)) return undefined;
  replaceUnknownCodes(fields);
  return fields as unknown as ServerFrame; // `check` has seen every field the type promises.
}

const SERVER_FRAMES: Readonly<Record<string, (fields: Fields) => boolean>> = {
  welcome: (f) => isText(f.node) && isText(f.connection) && isLimits(f.limits),
  ok: (f) =>
    isRef(f.ref) &&
    (f.position === undefined || isPosition(f.position)) &&
    (f.duplicate === undefined || f.duplicate === true) &&
    (f.epoch === undefined || isEpoch(f.epoch)) &&
    (f.items === undefined || (Array.isArray(f.items) && f.items.every(isSentItem))) &&
    (f.channels === undefined || (Array.isArray(f.channels) && f.channels.every(isSubscribedItem))),
  failed: (f) =>
    isRef(f.ref) &&
    isRefusal(f) &&
    (f.detail === undefined || isText(f.detail)) &&
    (f.retryAfterMs === undefined || isOffset(f.retryAfterMs)) &&
    (f.position === undefined || isPosition(f.position)),
  publication: (f) =>
    isTag(f.channel) &&
    isEpoch(f.epoch) &&
    isOffset(f.offset) &&
    f.offset >= 1 &&
    isMessageId(f.id) &&
    isTag(f.from) &&
    isData(f.data) &&
    (f.commitment === undefined || isCommitment(f.commitment)) &&
    (f.stamp === undefined || isStamp(f.stamp)),
  ephemeral: (f) => isTag(f.channel) && isMessageId(f.id) && isTag(f.from) && isData(f.data),
  presence: (f) =>
    isTag(f.channel) &&
    isOffset(f.count) &&
    [f.members, f.joined, f.left].every((tags) => tags === undefined || isTagList(tags)),
  delivery: (f) => isEpoch(f.epoch) && isOffset(f.seq) && f.seq >= 1 && isMessageId(f.id) && isData(f.data),
  detached: (f) => isText(f.code),
  gap: (f) => isTag(f.channel) && isPosition(f.position) && isText(f.reason),
  revoked: (f) => isTag(f.channel) && isText(f.code),
  moved: (f) => isOffset(f.afterMs) && Array.isArray(f.origins) && f.origins.every(isOrigin),
  pong: (f) => isRef(f.ref),
};

function replaceUnknownCodes(fields: Fields): void {
  const items = fields.type === 'ok' ? ((fields.channels ?? fields.items ?? []) as Fields[]) : [fields];
  for (const item of items) if (isText(item.code) && !isFailureCode(item.code)) item.code = 'internal';
}

/** True for 22 base64url characters. */
export function isTag(value: unknown): value is Tag {
  return typeof value === 'string' && TAG.test(value);
}

/** True for a client message id: 16 to 36 base64url characters. */
export function isMessageId(value: unknown): value is string {
  return (
    typeof value === 'string' &&
    value.length >= LIMITS.messageIdMinChars &&
    value.length <= LIMITS.messageIdMaxChars &&
    BASE64URL.test(value)
  );
}

function parseObject(text: string): Fields | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined; // Whoever sent it is told `bad_frame`; the parser's own words help nobody.
  }
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : undefined;
}

function refuse(detail: string, ref: Ref | undefined): Refused {
  return { refused: 'bad_frame', detail, ref };
}

function hasOnly(fields: Fields, known: readonly string[]): boolean {
  for (const name in fields) if (!known.includes(name)) return false;
  return true;
}

function isRef(value: unknown): value is Ref {
  return Number.isInteger(value) && (value as number) >= 1 && (value as number) <= MAX_REF;
}

function isText(value: unknown): value is string {
  return typeof value === 'string';
}

function isJwt(value: unknown): value is string {
  return typeof value === 'string' && value.length <= LIMITS.tokenChars && JWT.test(value);
}

function isListOf<T>(value: unknown, isItem: (item: unknown) => item is T): value is readonly T[] {
  return Array.isArray(value) && value.length >= 1 && value.length <= MOST_IN_A_LIST && value.every(isItem);
}

/** What a node lists may be empty, and is bounded by the frame. */
function isTagList(value: unknown): value is readonly Tag[] {
  return Array.isArray(value) && value.every(isTag);
}

function areDistinct(tags: readonly Tag[]): boolean {
  return new Set(tags).size === tags.length;
}

function isSubscribeItem(value: unknown): value is SubscribeItem {
  if (typeof value !== 'object' || value === null) return false;
  const { channel, position, ...rest } = value as Fields;
  return isTag(channel) && (position === undefined || isPosition(position)) && Object.keys(rest).length === 0;
}

function isSubscribedItem(value: unknown): value is SubscribedItem {
  if (typeof value !== 'object' || value === null) return false;
  const fields = value as Fields;
  return isTag(fields.channel) && (isPosition(fields.position) || isRefusal(fields));
}

function isSendItem(value: unknown): value is SendItem {
  if (typeof value !== 'object' || value === null) return false;
  const { mailbox, id, data, ...rest } = value as Fields;
  return isTag(mailbox) && isMessageId(id) && isData(data) && Object.keys(rest).length === 0;
}

function isSeqRange(value: unknown): value is SeqRange {
  if (!Array.isArray(value) || value.length !== 2) return false;
  const [first, last] = value as unknown[];
  return isOffset(first) && isOffset(last) && first >= 1 && first <= last;
}

function isSentItem(value: unknown): value is SentItem {
  if (typeof value !== 'object' || value === null) return false;
  const fields = value as Fields;
  return isTag(fields.mailbox) && (fields.code === undefined || isRefusal(fields));
}

function isOrigin(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  const { node, url } = value as Fields;
  return isText(node) && isText(url);
}

function isRefusal({ code, retry }: Fields): boolean {
  return isText(code) && RETRIES.includes(retry);
}

function isData(value: unknown): value is string {
  return (
    typeof value === 'string' &&
    value.length >= 1 &&
    value.length <= LIMITS.dataChars &&
    value.length % 4 !== 1 &&
    BASE64URL.test(value)
  );
}

function isLimits(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  const { frameBytes, dataBytes, channels, pendingCommands } = value as Fields;
  return [frameBytes, dataBytes, channels, pendingCommands].every(isOffset);
}
