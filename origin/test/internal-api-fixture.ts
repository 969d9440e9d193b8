import * as assert from 'uvu/assert';
import { createKeys } from '../../deploy/local/keys.ts';
import { randomId, toBase64Url, utf8 } from '../../shared/bytes.ts';
import type { Problem } from '../../shared/failure.ts';
import type { FailureCode } from '../../shared/failures.ts';
import type { Tag } from '../../shared/frame.ts';
import { INTERNAL_BODY_BYTES, INTERNAL_PATHS } from '../../shared/internal/calls.ts';
import { LIMITS } from '../../shared/limits.ts';
import { createDatabase } from '../../shared/testing/database.ts';
import {
  createSigner,
  createVerifier,
  type InternalClaims,
  type JWK,
  type PublicKeys,
  type Signer,
} from '../../shared/token.ts';
import { startHttpServer } from '../adapters/http-server.ts';
import { migrate } from '../adapters/postgres-migrate.ts';
import { createInternalApi, type InternalApiPorts } from '../internal/api.ts';
import { openRecords } from './records-fixtures.ts';

/** For calls that are about other things. */
const NO_MODERATION: InternalApiPorts['moderation'] = {
  changeMembers: () => Promise.resolve({ result: 'missing' }),
  deleteChannel: () => Promise.resolve({ result: 'missing', members: [] }),
  placeBans: () => Promise.resolve({ sessions: [] }),
  listBans: () => Promise.resolve({ bans: [], isWhole: true }),
};
const NO_INVITATIONS: InternalApiPorts['invitations'] = {
  changeInvitation: () => Promise.resolve({ result: 'missing' }),
  listInvitations: () => Promise.resolve({ invitations: [] }),
};
const NO_BLOCKS: InternalApiPorts['blocks'] = {
  changeBlock: () => Promise.resolve({ result: 'missing' }),
  listBlocks: () => Promise.resolve([]),
  findBlocks: () => Promise.resolve([]),
};
const NO_RELAY: Pick<InternalApiPorts, 'broker' | 'mailboxes' | 'presences'> = {
  broker: {
    publish: () => Promise.resolve({ outcome: 'accepted', position: { epoch: 'e', offset: 1 } }),
    announce: () => Promise.resolve(),
    forget: () => Promise.resolve(),
  },
  mailboxes: { post: () => Promise.resolve({ outcome: 'queued', seq: 1 }) },
  presences: { read: () => Promise.resolve({ count: 0 }) },
};
const ISSUER = 'https://edge.example';

/** One call as the edge makes it: by default a POST of JSON to `read` with a fresh token for exactly that. */
export interface Call {
  readonly method?: string;
  readonly path?: string;
  /** Bytes and text are sent as they are, anything else as JSON. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  /** What the token says, where it differs from the request. */
  readonly claims?: Partial<InternalClaims>;
  readonly signer?: Signer;
  readonly signedAtMs?: number;
}

export type InternalApi = Awaited<ReturnType<typeof startInternalApi>>;

/** The internal API over these ports on a port of its own, and an edge that may call it. */
export async function startInternalApi({
  records,
  revocations,
  keys,
  lists,
  moderation = NO_MODERATION,
  invitations = NO_INVITATIONS,
  blocks = NO_BLOCKS,
  registry,
  broker = NO_RELAY.broker,
  mailboxes = NO_RELAY.mailboxes,
  presences = NO_RELAY.presences,
}: Pick<InternalApiPorts, 'records' | 'revocations' | 'keys' | 'lists' | 'registry'> &
  Partial<
    Pick<InternalApiPorts, 'moderation' | 'invitations' | 'blocks' | 'broker' | 'mailboxes' | 'presences'>
  >) {
  const lines: Record<string, unknown>[] = [];
  const log = (level: string, event: string, fields: object = {}) =>
    void lines.push({ level, event, ...fields });
  const { signingKeys, publicKeys } = await createKeys();
  const signer = await signerOf(signingKeys);
  const verifier = createVerifier(ISSUER, JSON.parse(publicKeys) as PublicKeys);
  const told: Tag[][] = [];
  const onRevoked = (tags: readonly Tag[]) => void told.push([...tags]);
  const stores = { records, revocations, keys, lists, moderation, invitations, blocks };
  const ports = { ...stores, onRevoked, registry, broker, mailboxes, presences };
  const handle = createInternalApi({
    ...ports,
    limits: LIMITS,
    setTimer: () => undefined,
    verifier,
    now: Date.now,
    log,
  });
  const bounds = { bodyBytes: INTERNAL_BODY_BYTES, keepAliveMs: 95_000 };
  const options = { host: '127.0.0.1', port: 0, ...bounds, handle, log };
  const server = await startHttpServer(options);
  const send = async (call: Call): Promise<Response> => {
    const { method = 'POST', path = INTERNAL_PATHS.read, headers = {} } = call;
    const body = bytesOf(call.body);
    const claims = { jti: randomId(), method, path, bodyHash: await hashOf(body), ...call.claims };
    const token = await (call.signer ?? signer).sign('internal', claims, call.signedAtMs ?? Date.now());
    return fetch(`http://127.0.0.1:${server.port}${path}`, {
      method,
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json', ...headers },
      ...(body.length === 0 ? {} : { body }),
    });
  };
  return {
    signer,
    signingKeys,
    /** What it said was ended, by call. */
    told,
    /** What it logged so far. */
    lines,
    send,
    /** Sends a call that must succeed, and gives its answer. */
    answer: async (call: Call): Promise<unknown> => {
      const response = await send(call);
      assert.is(response.status, 200, await response.clone().text());
      return response.json();
    },
    /** Sends a call that must fail with this code, and gives its problem. */
    refused: async (code: FailureCode, call: Call) => problemOf(await send(call), code),
    close: () => server.close(100),
  };
}

/** The same over real, empty records. */
export async function startInternalApiOnPostgres({ registry }: Pick<InternalApiPorts, 'registry'>) {
  const database = await createDatabase();
  await migrate({ url: database.url, log: () => undefined });
  const { pool, ...stores } = openRecords(database.url);
  const api = await startInternalApi({ ...stores, registry });
  const close = async () => {
    await api.close();
    await pool.close();
    await database.drop();
  };
  return { ...api, records: stores.records, close };
}

/** The problem of an answer, which must be a proper one of this code. */
export async function problemOf(response: Response, code: FailureCode): Promise<Problem> {
  const problem = (await response.json()) as Problem;
  assert.is(problem.code, code, JSON.stringify(problem));
  assert.is(response.status, problem.status);
  assert.is(response.headers.get('content-type'), 'application/problem+json');
  assert.is(response.headers.get('cache-control'), 'no-store');
  assert.is(response.headers.get('x-request-id'), problem.requestId);
  return problem;
}

/** What a token says about a body. */
export async function hashOf(body: Uint8Array<ArrayBuffer>): Promise<string> {
  return toBase64Url(new Uint8Array(await crypto.subtle.digest('SHA-256', body)));
}

export function signerOf(signingKeys: string, issuer = ISSUER): Promise<Signer> {
  return createSigner(issuer, (JSON.parse(signingKeys) as { keys: JWK[] }).keys);
}

function bytesOf(body: unknown): Uint8Array<ArrayBuffer> {
  if (body instanceof Uint8Array) return new Uint8Array(body);
  return utf8(body === undefined ? '' : typeof body === 'string' ? body : JSON.stringify(body));
}
