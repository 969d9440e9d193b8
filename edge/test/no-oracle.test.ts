import * as assert from 'uvu/assert';
import { randomId } from '../../shared/bytes.ts';
import { describe } from '../../shared/testing/suite.ts';
import type { SignedIn } from './client.ts';
import { createHarness, type Harness } from './harness.ts';
import { joinWithKeys } from './key-owner.ts';

/** Every call that names a user, by what it takes. */
const CALLS: readonly (readonly [method: string, path: string, body?: (userId: string) => object])[] = [
  ['POST', '/v1/channels/{channelId}/members', (userId) => ({ userId })],
  ['DELETE', '/v1/channels/{channelId}/members/{userId}'],
  ['PUT', '/v1/channels/{channelId}/members/{userId}/role', () => ({ role: 'moderator' })],
  ['POST', '/v1/channels/{channelId}/bans', (userId) => ({ userIds: [userId] })],
  ['POST', '/v1/channels/{channelId}/bans/lift', (userId) => ({ userIds: [userId] })],
  ['PUT', '/v1/blocks/{userId}', () => ({ note: '' })],
  ['DELETE', '/v1/blocks/{userId}'],
  ['POST', '/v1/keys/history', (userId) => ({ userId, after: 0 })],
  ['POST', '/v1/keys/lookup', (userId) => ({ users: [userId], packages: true })],
];

describe('Whether a user exists', ({ test, beforeEach }) => {
  let edge: Harness;
  let caller: SignedIn;
  let channelId: string;
  /** Somebody without keys, nobody, and somebody with keys who has blocked the caller. */
  let users: readonly string[];
  beforeEach(async () => {
    edge = await createHarness();
    caller = await edge.client.join();
    channelId = await edge.client.createChannel(caller);
    const [plain, blocker] = [await edge.client.join(), await joinWithKeys(edge.client)];
    const path = `/v1/blocks/${caller.userId}`;
    await edge.client.call(path, { method: 'PUT', token: blocker.token, body: { note: '' } });
    users = [plain.userId, randomId(), blocker.userId];
  });

  for (const [method, path, body] of CALLS)
    test(`is not told by ${method} ${path}, nor that it was blocked`, async () => {
      const told: string[] = [];
      for (const userId of users) {
        const url = path.replace('{channelId}', channelId).replace('{userId}', userId);
        const more = body === undefined ? {} : { body: body(userId) };
        const { status, json } = await edge.client.call(url, { method, token: caller.token, ...more });
        told.push(shapeOf({ status, json }));
      }
      assert.is(new Set(told).size, 1, told.join('\n'));
    });

  test('is asked by no other call than these', async () => {
    const { json } = await edge.client.call('/openapi.json', {});
    const document = JSON.stringify(json.paths);
    const named = Object.entries<Record<string, unknown>>(json.paths).flatMap(([path, methods]) =>
      Object.entries(methods).flatMap(([method, call]) =>
        /"(?:userId|userIds|users)"/.test(takenBy(call)) || path.includes('{userId}')
          ? [`${method.toUpperCase()} ${path}`]
          : [],
      ),
    );
    assert.ok(document.length > 0);
    const known = [...CALLS.map(([method, path]) => `${method} ${path}`), ...OTHERS];
    assert.equal(named.sort(), known.sort());
  });
});

/** Those that only the user itself, or an operator, may make. */
const OTHERS = ['POST /v1/bans', 'POST /v1/bans/lift'];

/** What a call takes: its body and parameters, not its answers. */
function takenBy(call: unknown): string {
  const { requestBody, parameters } = call as { requestBody?: unknown; parameters?: unknown };
  return JSON.stringify([requestBody ?? null, parameters ?? null]);
}

/** An answer with what must differ taken out: ids and tags. */
function shapeOf(answer: { status: number; json: unknown }): string {
  return JSON.stringify(answer)
    .replaceAll(/"[A-Za-z0-9_-]{22}"/g, '"…"')
    .replaceAll(/"requestId":"[^"]*"/g, '');
}
