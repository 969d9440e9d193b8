/**
 * Whether an origin answered what shared/internal.ts promises. An origin is trusted with no more than its answers: what
 * is sealed is checked by its seal, the rest here, so that nothing of another shape gets into the core.
 */
import type { NodesAnswer, ReadAnswer, Written } from '../../shared/internal.ts';
import { SEALED_MAX_CHARS } from '../../shared/internal.ts';

type Fields = Readonly<Record<string, unknown>>;

const NODE_ID = /^[A-Za-z0-9_.-]{1,64}$/;
/** Far over any fleet; a longer list is no answer of ours. */
const NODES_MAX = 10_000;

export function isWritten(value: unknown): value is Written {
  const { result } = fields(value);
  return result === 'created' || result === 'exists' || result === 'missing';
}

export function isReadAnswer(value: unknown): value is ReadAnswer {
  const { devices, sessions, members } = fields(value);
  return [devices, sessions, members].every(
    (table) => isObject(table) && Object.values(table).every(isRecord),
  );
}

export function isNodesAnswer(value: unknown): value is NodesAnswer {
  const { nodes } = fields(value);
  return Array.isArray(nodes) && nodes.length <= NODES_MAX && nodes.every(isNode);
}

function isRecord(value: unknown): boolean {
  const { sealed, version } = fields(value);
  return typeof sealed === 'string' && sealed.length <= SEALED_MAX_CHARS && Number.isSafeInteger(version);
}

function isNode(value: unknown): boolean {
  const { node, url, connections, isDraining } = fields(value);
  return (
    typeof node === 'string' &&
    NODE_ID.test(node) &&
    isSocketUrl(url) &&
    Number.isSafeInteger(connections) &&
    typeof isDraining === 'boolean'
  );
}

function isSocketUrl(value: unknown): boolean {
  if (typeof value !== 'string' || !URL.canParse(value)) return false;
  const { protocol, host } = new URL(value);
  return (protocol === 'ws:' || protocol === 'wss:') && value === `${protocol}//${host}`;
}

function fields(value: unknown): Fields {
  return isObject(value) ? value : {};
}

function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
