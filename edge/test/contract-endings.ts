import { once } from 'node:events';
import * as assert from 'uvu/assert';
import { WebSocket } from 'ws';
import type { Suite } from '../../shared/testing/suite.ts';
import { addDevice } from './added-device.ts';
import type { Client, SignedIn } from './client.ts';

/** A live socket is out within 2 s of the ending. */
const OUT_MS = 2_000;
const ENDED = 4501;

/** Adding devices, and ending sessions, devices and accounts with the sockets they hold on either node. */
export function endingsContract({ test }: Suite, client: () => Client): void {
  const end = async (path: string, { token }: SignedIn) =>
    assert.equal((await client().call(path, { method: 'DELETE', token })).status, 200, path);
  const isOut = async ({ token }: SignedIn) => {
    const { json } = await client().call('/v1/connect', { token, body: { channels: [] } });
    assert.is(json.code, 'session_ended');
  };

  test('signs out: the session’s socket closes within two seconds, and nothing takes its token', async () => {
    const alice = await client().join();
    const other = await client().signIn(alice);
    const sockets = [await openSocket(client(), alice, 0), await openSocket(client(), alice, 1)];
    const kept = await openSocket(client(), other, 1);
    const closed = sockets.map(closing);
    const startedMs = performance.now();
    await end('/v1/sessions/current', alice);
    assert.equal(await Promise.all(closed), [ENDED, ENDED]);
    assert.ok(performance.now() - startedMs < OUT_MS);
    await isOut(alice);
    assert.is(kept.readyState, WebSocket.OPEN);
    kept.terminate();
  });

  test('adds a device, lists it, and removes it with its socket', async () => {
    const alice = await client().join();
    const laptop = await client().signIn(await addDevice(client(), alice));
    const list = await client().call('/v1/devices', { token: laptop.token });
    assert.is(list.json.devices.length, 2);
    const closed = closing(await openSocket(client(), laptop, 0));
    await end(`/v1/devices/${laptop.device.deviceId}`, alice);
    assert.is(await closed, ENDED);
    await isOut(laptop);
    const { json } = await client().call('/v1/sessions', { token: alice.token });
    assert.equal(
      json.sessions.map(({ sessionId }: { sessionId: string }) => sessionId),
      [alice.sessionId],
    );
  });

  test('deletes an account with every socket of it', async () => {
    const alice = await client().join();
    const laptop = await client().signIn(await addDevice(client(), alice));
    const closed = [await openSocket(client(), alice, 0), await openSocket(client(), laptop, 1)].map(closing);
    await end('/v1/account', laptop);
    assert.equal(await Promise.all(closed), [ENDED, ENDED]);
    for (const session of [alice, laptop]) await isOut(session);
  });
}

/** An admitted socket at one of the two nodes, through the edge. */
async function openSocket(client: Client, { token }: SignedIn, index: number): Promise<WebSocket> {
  const { json } = await client.call('/v1/connect', { token, body: { channels: [] } });
  const nodes = json.origins.map(({ node }: { node: string }) => node).sort();
  const protocols = ['hushwire.v1', `hushwire.ticket.${json.ticket}`];
  const socket = new WebSocket(`${json.socketUrl}?node=${nodes[index]}`, protocols);
  await once(socket, 'message');
  return socket;
}

/** The close code, whenever it comes. */
async function closing(socket: WebSocket): Promise<number> {
  const [code] = (await once(socket, 'close')) as [number];
  return code;
}
