import { Redis } from 'ioredis';
import * as assert from 'uvu/assert';
import { randomId } from '../../shared/bytes.ts';
import { describe } from '../../shared/testing/suite.ts';
import { WireClient } from '../../shared/testing/wire-client.ts';
import { createPerson, grantsFor, type Nodes, startNodes, ticketFor } from './fixture.ts';

describe('A node that is told to stop', ({ test, before, after }) => {
  let nodes: Nodes;
  before(async () => {
    nodes = await startNodes(2);
  });
  after(() => nodes.stop());

  const readiness = async (healthUrl: string | undefined) => (await fetch(`${healthUrl}/readyz`)).status;

  test('moves its connections, serves them until they leave, takes no new ones, and ends with 0', async () => {
    const [, second] = nodes.nodes;
    const draining = await nodes.start('n3');
    const url = `${draining.url}/v1/socket`;
    const person = createPerson();
    const channel = randomId();
    const client = new WireClient(url, { ticket: await ticketFor(nodes, person) });
    await client.nextOf('welcome');
    const grants = await grantsFor(nodes, person, [channel]);
    await client.command({ type: 'subscribe', grants, channels: [{ channel }] });

    const ended = draining.stopGently(20_000);
    const { afterMs, origins } = await client.nextOf('moved');
    assert.ok(afterMs < 1_000);
    assert.ok(origins.some((origin) => origin.url === `${second?.url}/v1/socket`));
    assert.is(await readiness(draining.healthUrl), 503);
    const late = new WireClient(url, { ticket: await ticketFor(nodes, createPerson()) });
    late.socket.on('error', () => undefined);
    await late.closed;
    assert.equal(late.frames, []);
    const answer = await client.command({ type: 'publish', channel, id: randomId(), data: 'AAAA' });
    assert.is(answer.type, 'ok');
    client.socket.close(1000);
    await ended;
    assert.equal(await draining.ended, { code: 0, signal: null, wasAsked: true });
  });

  test('leaves the registry, so that the edge sends nobody there', async () => {
    const draining = await nodes.start('n4');
    const client = new WireClient(`${draining.url}/v1/socket`, {
      ticket: await ticketFor(nodes, createPerson()),
    });
    await client.nextOf('welcome');
    const ended = draining.stopGently(20_000);
    await client.nextOf('moved');
    const redis = new Redis(nodes.relayUrl);
    const known = await redis.keys('hw1:node:*');
    redis.disconnect();
    assert.ok(known.some((key) => key.endsWith(':n1')));
    assert.not(known.some((key) => key.endsWith(':n4')));
    client.socket.close(1000);
    await ended;
  });

  for (const [index, signal] of (['SIGTERM', 'SIGINT'] as const).entries())
    test(`moves its connections at ${signal}, and closes everybody at once at a second one`, async () => {
      const draining = await nodes.start(`n${5 + index}`);
      const client = new WireClient(`${draining.url}/v1/socket`, {
        ticket: await ticketFor(nodes, createPerson()),
      });
      await client.nextOf('welcome');
      process.kill(draining.pid, signal);
      await client.nextOf('moved');
      process.kill(draining.pid, signal);
      assert.is((await client.closed).code, 1012);
      assert.is((await draining.ended).code, 0);
    });
});
