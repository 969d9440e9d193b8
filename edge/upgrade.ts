/**
 * What passes between a client that opens a socket and the node that takes it, as far as an edge has to read it: the
 * upgrade request of the one and the answer of the other (RFC 6455 §4). Both are rebuilt from a list of allowed
 * headers, never copied: nothing else of the client reaches the node, nothing else of the node the client.
 */
import { fromUtf8 } from '../shared/bytes.ts';
import { Failure } from '../shared/failure.ts';
import { type FailureCode, isFailureCode } from '../shared/failures.ts';
import { SOCKET_PATH } from '../shared/frame.ts';
import type { Header, NodeAnswer, RawRequest, Upgrade } from './ports.ts';
import type { AllowsOrigin } from './web-origins.ts';

/** Names of nodes that may be asked for. */
export const NODE_PATTERN = '^[A-Za-z0-9_.-]{1,64}$';

/** What the client may tell the node. Its ticket is in `sec-websocket-protocol`. */
const TO_NODE = [
  'sec-websocket-key',
  'sec-websocket-version',
  'sec-websocket-protocol',
  'sec-websocket-extensions',
  'origin',
];
/** What the node may tell the client. */
const TO_CLIENT = ['sec-websocket-accept', 'sec-websocket-protocol', 'sec-websocket-extensions'];
/** Headers whose parts are joined by commas when they come more than once (RFC 9110 §5.3). */
const LISTS = ['sec-websocket-protocol', 'sec-websocket-extensions'];
const SOCKET_KEY = /^[A-Za-z0-9+/]{22}==$/;
const NODE = new RegExp(NODE_PATTERN);
/** Printable ASCII: no line breaks that could end a header early. */
const HEADER_VALUE = /^[\x20-\x7e]*$/;

/**
 * Reads a request to open a socket. Throws `origin_not_allowed` before anything else, `not_found` or
 * `method_not_allowed` for another place, `bad_request` or `protocol_unsupported` for what is no WebSocket upgrade.
 */
export function readUpgrade({ method, url, headers }: RawRequest, allows: AllowsOrigin): Upgrade {
  const values = collect(headers);
  if (!allows(values.get('origin'))) throw new Failure('origin_not_allowed');
  const [path, query = ''] = url.split('?', 2);
  if (path !== SOCKET_PATH) throw new Failure('not_found');
  if (method !== 'GET') throw new Failure('method_not_allowed');
  if (values.get('upgrade')?.toLowerCase() !== 'websocket')
    throw new Failure('bad_request', { detail: 'Only WebSocket upgrades are known here' });
  if (values.has('content-length') || values.has('transfer-encoding'))
    throw new Failure('bad_request', { detail: 'An upgrade has no body' });
  if (values.get('sec-websocket-version') !== '13' || !SOCKET_KEY.test(values.get('sec-websocket-key') ?? ''))
    throw new Failure('protocol_unsupported', { detail: 'WebSocket version 13 is spoken here' });
  const kept = TO_NODE.flatMap((name) => {
    const value = values.get(name);
    return value === undefined ? [] : [[name, value] satisfies Header];
  });
  return { node: readHint(query), headers: kept };
}

/** The request for a node, ready to be sent. */
export function requestFor(
  { headers }: Upgrade,
  { host, requestId }: { host: string; requestId: string },
): string {
  const lines = [
    `GET ${SOCKET_PATH} HTTP/1.1`,
    `host: ${host}`,
    'connection: Upgrade',
    'upgrade: websocket',
    `x-request-id: ${requestId}`,
    ...headers.map(([name, value]) => `${name}: ${value}`),
  ];
  return `${lines.join('\r\n')}\r\n\r\n`;
}

/** Codes of a node that mean the same to its client; any other fault of a node is `unavailable`. */
const PASSED_ON: readonly FailureCode[] = [
  'bad_request',
  'origin_not_allowed',
  'protocol_unsupported',
  'too_many_requests',
  'server_draining',
];

/** Reads what came of a node's answer so far; undefined when there must come more. */
export function readAnswer(bytes: Uint8Array, requestId: string): NodeAnswer | undefined {
  const end = endOfHead(bytes);
  if (end === undefined) return undefined;
  const [status = '', ...lines] = latin1(bytes.subarray(0, end)).split('\r\n');
  const values = collect(lines.map(splitLine));
  const rest = bytes.subarray(end + 4);
  if (/^HTTP\/1\.1 101(?: |$)/.test(status)) return { isOpen: true, head: headFor(values, requestId), rest };
  const length = Number(values.get('content-length') ?? 0);
  if (rest.length < length) return undefined;
  return { isOpen: false, failure: refusal(rest) };
}

function headFor(values: ReadonlyMap<string, string>, requestId: string): string {
  const lines = [
    'HTTP/1.1 101 Switching Protocols',
    'connection: Upgrade',
    'upgrade: websocket',
    `x-request-id: ${requestId}`,
  ];
  for (const name of TO_CLIENT) {
    const value = values.get(name);
    if (value !== undefined) lines.push(`${name}: ${value}`);
  }
  return `${lines.join('\r\n')}\r\n\r\n`;
}

function refusal(body: Uint8Array): Failure {
  try {
    const { code } = JSON.parse(fromUtf8(body)) as { code?: unknown };
    if (isFailureCode(code) && PASSED_ON.includes(code)) return new Failure(code);
    return new Failure('unavailable', { cause: new Error('A node refused the socket') });
  } catch (cause) {
    return new Failure('unavailable', { cause });
  }
}

/** Lower-case names to values; throws `bad_request` for a value no header can have, or one that came twice. */
function collect(headers: RawRequest['headers']): Map<string, string> {
  const values = new Map<string, string>();
  for (const [rawName, value] of headers) {
    const name = rawName.toLowerCase();
    const known = values.get(name);
    const isOurs = TO_NODE.includes(name) || TO_CLIENT.includes(name) || name === 'upgrade';
    if (isOurs && !HEADER_VALUE.test(value)) throw new Failure('bad_request', { detail: 'Malformed header' });
    if (known === undefined) values.set(name, value);
    else if (LISTS.includes(name)) values.set(name, `${known}, ${value}`);
    else if (isOurs) throw new Failure('bad_request', { detail: 'A header came twice' });
  }
  return values;
}

/** Only `node` is known; tickets and everything else have no place in a URL, since URLs end up in logs. */
function readHint(query: string): string | undefined {
  if (query === '') return undefined;
  const parameters = new URLSearchParams(query);
  const [name, ...others] = [...parameters.keys()];
  const node = parameters.get('node') ?? '';
  if (name !== 'node' || others.length > 0 || !NODE.test(node))
    throw new Failure('bad_request', { detail: 'Only the query parameter node is known here' });
  return node;
}

function endOfHead(bytes: Uint8Array): number | undefined {
  for (let i = 0; i + 3 < bytes.length; i += 1)
    if (bytes[i] === 13 && bytes[i + 1] === 10 && bytes[i + 2] === 13 && bytes[i + 3] === 10) return i;
  return undefined;
}

function latin1(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes);
}

function splitLine(line: string): readonly [string, string] {
  const colon = line.indexOf(':');
  return colon < 0 ? [line, ''] : [line.slice(0, colon), line.slice(colon + 1).trim()];
}
