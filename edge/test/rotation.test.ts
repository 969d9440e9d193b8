import * as assert from 'uvu/assert';
import { createKeys, type Keys } from '../../deploy/local/keys.ts';
import { freePort } from '../../deploy/local/ports.ts';
import { type EdgeOptions, type EdgeServer, edgeUrl, startEdge } from '../../deploy/local/servers/edge.ts';
import { until } from '../../shared/testing/expect.ts';
import { describe } from '../../shared/testing/suite.ts';
import { WireClient } from '../../shared/testing/wire-client.ts';
import type { JWK } from '../../shared/token.ts';
import { Client, type SignedIn } from './client.ts';
import { type EdgeStack, startEdgeStack } from './stack.ts';

const TIMEOUT_MS = 30_000;

/**
 * How an operator changes the signing key, at running edges of one deployment: first every part learns the new public half,
 * then edges sign with the new key, one after the other, and when the last token of the old one is over it goes.
 */
describe(
  'A signing key',
  ({ test, needs, before, after }) => {
    needs('redis-server');
    let stack: EdgeStack;
    let kids: { readonly old: string; readonly next: string };
    /** Signs with the old key, with the new one while the old is still good, and with the new one alone. */
    let edges: { readonly before: Client; readonly during: Client; readonly after: Client };
    const started: EdgeServer[] = [];

    before(async () => {
      const [old, next] = [await createKeys(), await createKeys()];
      const [oldKey, nextKey] = [privateKeyOf(old), privateKeyOf(next)];
      kids = { old: String(oldKey.kid), next: String(nextKey.kid) };
      const withKeys = (...keys: JWK[]): Keys => ({ ...old, signingKeys: JSON.stringify({ keys }) });
      const publicKeys = JSON.stringify({ keys: [...keysOf(old.publicKeys), ...keysOf(next.publicKeys)] });
      let options: EdgeOptions | undefined;
      stack = await startEdgeStack(
        (given) => {
          options = given;
          return startEdge(given);
        },
        { ...withKeys(oldKey, nextKey), publicKeys },
      );
      const { url } = stack.edge;
      const another = async (keys: Keys): Promise<Client> => {
        if (options === undefined) throw new Error('The stack has no edge');
        const env = { HUSHWIRE_EDGE_PUBLIC_URL: url };
        const edge = await startEdge({ ...options, port: await freePort(), keys, env });
        started.push(edge);
        return new Client({ baseUrl: edgeUrl(edge.port), audience: url, send: fetch });
      };
      edges = {
        before: new Client({ baseUrl: url, send: fetch }),
        during: await another(withKeys(nextKey, oldKey)),
        after: await another(withKeys(nextKey)),
      };
    });
    after(async () => {
      for (const edge of started) await edge.stop();
      await stack?.stop();
    });

    const isLive = async (client: Client, { token }: SignedIn): Promise<string | number> => {
      const { status, json } = await client.call('/v1/devices', { token });
      return status === 200 ? status : json.code;
    };

    test('is told by its kid: tokens before and during the change, and both public halves', async () => {
      const [alice, bob] = [await edges.before.join(), await edges.during.join()];
      assert.equal([kidOf(alice.token), kidOf(bob.token)], [kids.old, kids.next]);
      for (const client of [edges.before, edges.during]) {
        const { keys } = await jwks(client);
        assert.equal(keys.map(({ kid }) => kid).sort(), [kids.old, kids.next].sort());
        for (const key of keys) assert.is(key.d, undefined);
      }
      assert.equal(
        (await jwks(edges.after)).keys.map(({ kid }) => kid),
        [kids.next],
      );
    });

    test('changes without anybody being sent away: each edge takes what the others signed', async () => {
      const [alice, bob] = [await edges.before.join(), await edges.during.join()];
      for (const client of [edges.before, edges.during])
        for (const caller of [alice, bob]) assert.is(await isLive(client, caller), 200);
      const renewed = await edges.during.renew(alice);
      assert.equal([renewed.status, kidOf(renewed.json.accessToken)], [200, kids.next]);
      assert.is(renewed.json.sessionId, alice.sessionId);
    });

    test('opens sockets with tickets of either key, at nodes that know both', async () => {
      for (const [client, kid] of [
        [edges.before, kids.old],
        [edges.during, kids.next],
        [edges.after, kids.next],
      ] as const) {
        const { token } = await client.join();
        const { json } = await client.call('/v1/connect', { token, body: { channels: [] } });
        assert.is(kidOf(json.ticket), kid);
        const wire = new WireClient(json.origins[0].url, { ticket: json.ticket });
        await until(() => wire.frames.some(({ type }) => type === 'welcome'), { what: 'welcome' });
        wire.socket.close();
        await wire.closed;
      }
    });

    test('is refused once it is removed, and a renewal brings a token that is not', async () => {
      const alice = await edges.before.join();
      assert.is(await isLive(edges.after, alice), 'token_refused');
      const { status, json } = await edges.after.renew(alice);
      assert.equal([status, kidOf(json.accessToken)], [200, kids.next]);
      assert.is(await isLive(edges.after, { ...alice, token: json.accessToken }), 200);
    });
  },
  TIMEOUT_MS,
);

function keysOf(set: string): JWK[] {
  return (JSON.parse(set) as { keys: JWK[] }).keys;
}

function privateKeyOf({ signingKeys }: Keys): JWK {
  const [key] = keysOf(signingKeys);
  if (key === undefined) throw new Error('There is no key');
  return key;
}

function kidOf(token: string): unknown {
  const [header = ''] = token.split('.');
  return (JSON.parse(Buffer.from(header, 'base64url').toString()) as { kid?: unknown }).kid;
}

async function jwks({ baseUrl }: Client): Promise<{ keys: JWK[] }> {
  const response = await fetch(`${baseUrl}/.well-known/jwks.json`);
  return (await response.json()) as { keys: JWK[] };
}
