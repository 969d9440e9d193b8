import { createKeys } from '../../deploy/local/keys.ts';
import { startOrigin } from '../../deploy/local/servers/origin.ts';
import { startRedis } from '../../deploy/local/servers/redis.ts';
import { randomId } from '../../shared/bytes.ts';
import type { Tag } from '../../shared/frame.ts';
import { createDatabase } from '../../shared/testing/database.ts';
import { WireClient } from '../../shared/testing/wire-client.ts';
import { createSigner, type Grant, type JWK, type Verb } from '../../shared/token.ts';

export const ISSUER = 'https://edge.test';
export const WEB_ORIGIN = 'https://chat.test';

/** Real origin processes on a Redis and a database of their own, and an edge's signing key to admit clients with. */
export async function startNodes(count: number, env: Readonly<Record<string, string>> = {}) {
  const redis = await startRedis();
  const nodes = await startNodesOn(redis.url, { count, env });
  const stop = async () => {
    await nodes.stop();
    await redis.stop();
  };
  return { ...nodes, redis, stop };
}

interface NodesOptions {
  readonly count: number;
  readonly env?: Readonly<Record<string, string>>;
}

/** The same on a relay that is there already; `relayUrl` may name several nodes of a Cluster. */
export async function startNodesOn(relayUrl: string, { count, env = {} }: NodesOptions) {
  const keys = await createKeys();
  const privateKeys = (JSON.parse(keys.signingKeys) as { keys: JWK[] }).keys;
  const signer = await createSigner(ISSUER, privateKeys);
  const database = await createDatabase();
  /** `by`: other addresses of the same relay and database, such as those of proxies before them. */
  const start = (node: string, by: { readonly relayUrl?: string; readonly databaseUrl?: string } = {}) =>
    startOrigin({
      node,
      relayUrl,
      databaseUrl: database.url,
      ...by,
      edgeIssuer: ISSUER,
      edgeKeys: keys.publicKeys,
      webOrigins: [WEB_ORIGIN],
      env,
    });
  const nodes = await Promise.all(Array.from({ length: count }, (_, i) => start(`n${i + 1}`)));
  return {
    nodes,
    relayUrl,
    databaseUrl: database.url,
    signer,
    start,
    stop: async () => {
      await Promise.all(nodes.map((node) => node.stop()));
      await database.drop();
    },
  };
}

export type Nodes = Awaited<ReturnType<typeof startNodesOn>>;

/** Who a client is: tags as the edge would make them. */
export interface Person {
  readonly session: Tag;
  readonly device: Tag;
  /** Of its account; people without one are an account each. */
  readonly sender?: Tag;
}

export function createPerson(): Person {
  return { session: randomId(), device: randomId() };
}

export function ticketFor({ signer }: Nodes, person: Person, nowMs = Date.now()): Promise<string> {
  return signer.sign('ticket', { ...person, jti: randomId(), mailbox: randomId() }, nowMs);
}

export interface GrantOptions {
  readonly verbs?: readonly Verb[];
  readonly generation?: number;
  readonly nowMs?: number;
  readonly members?: Readonly<Record<Tag, Tag>>;
  /** What ends the grants when it is revoked. */
  readonly right?: Tag;
}

/** A grant bundle for channels, with a random member tag for each unless given. */
export function grantsFor(
  { signer }: Nodes,
  { session }: Person,
  channels: readonly Tag[],
  options: GrantOptions = {},
): Promise<string> {
  const {
    verbs = ['subscribe', 'publish', 'presence'],
    generation = 1,
    nowMs = Date.now(),
    members = {},
    right,
  } = options;
  const grants: Grant[] = channels.map((channel) => ({
    channel,
    member: members[channel] ?? randomId(),
    verbs,
    generation,
    ...(right === undefined ? {} : { right }),
  }));
  return signer.sign('grants', { session, grants }, nowMs);
}

/** A connection that was admitted to one node. */
export async function connect(nodes: Nodes, index: number, person = createPerson()): Promise<WireClient> {
  const client = new WireClient(urlOf(nodes, index), { ticket: await ticketFor(nodes, person) });
  await client.nextOf('welcome');
  return client;
}

/** The socket address of a node. */
export function urlOf({ nodes }: Nodes, index: number): string {
  return `${nodes[index]?.url}/v1/socket`;
}
