import * as assert from 'uvu/assert';
import { startRedis } from '../../deploy/local/servers/redis.ts';
import { randomId } from '../../shared/bytes.ts';
import { until } from '../../shared/testing/expect.ts';
import { describe } from '../../shared/testing/suite.ts';
import { WireClient } from '../../shared/testing/wire-client.ts';
import { connect, createPerson, grantsFor, startNodes, ticketFor, urlOf } from './fixture.ts';

describe('origin without its relay', ({ test }) => {
  test('Redis gone: no false ok, the socket stays, and everything heals when Redis is back', async () => {
    const nodes = await startNodes(2);
    const channel = randomId();
    const [alice, bob] = [createPerson(), createPerson()];
    const [a, b] = [await connect(nodes, 0, alice), await connect(nodes, 1, bob)];
    const subscribe = async (client: WireClient, person: typeof alice) =>
      client.command({
        type: 'subscribe',
        grants: await grantsFor(nodes, person, [channel]),
        channels: [{ channel }],
      });
    await subscribe(a, alice);
    await subscribe(b, bob);
    const publish = (data: string, id = randomId()) => a.command({ type: 'publish', channel, id, data });
    assert.is((await publish('AAAA')).type, 'ok');
    await b.nextOf('publication');

    await nodes.redis.stop();
    const id = randomId();
    const failed = await publish('BBBB', id);
    assert.is(failed.type === 'failed' && failed.code, 'unavailable');
    assert.is((await a.command({ type: 'ping' })).type, 'pong');
    const refused = new WireClient(urlOf(nodes, 0), { ticket: await ticketFor(nodes, createPerson()) });
    assert.equal(await refused.closed, { code: 4413, reason: 'unavailable' });

    const { port, url } = nodes.redis;
    const revived = await startRedis({ port, password: new URL(url).password });
    const isAccepted = async () => (await publish('BBBB', id)).type === 'ok';
    await until(isAccepted, { what: 'an accepted publish', timeoutMs: 15_000 });
    // The new server life may have lost data, so it is told as a gap before anything that follows.
    await until(() => b.framesOf('publication').some(({ data }) => data === 'BBBB'), {
      what: 'delivery after the restart',
      timeoutMs: 15_000,
    });
    const types = b.frames
      .filter(({ type }) => type === 'gap' || type === 'publication')
      .map(({ type }) => type);
    assert.equal(types, ['publication', 'gap', 'publication']);
    await nodes.stop();
    await revived.stop();
  });

  test('a killed node: its clients return to another and miss nothing that was accepted', async () => {
    const nodes = await startNodes(2);
    const channel = randomId();
    const [alice, bob] = [createPerson(), createPerson()];
    const [a, b] = [await connect(nodes, 0, alice), await connect(nodes, 1, bob)];
    const grantsOf = (person: typeof alice) => grantsFor(nodes, person, [channel]);
    await a.command({ type: 'subscribe', grants: await grantsOf(alice), channels: [{ channel }] });
    await b.command({ type: 'subscribe', grants: await grantsOf(bob), channels: [{ channel }] });
    const publish = (data: string) => a.command({ type: 'publish', channel, id: randomId(), data });
    await publish('AAAA');
    const { epoch, offset } = await b.nextOf('publication');
    nodes.nodes[1]?.kill();
    await b.closed;
    for (const data of ['BBBB', 'CCCC']) assert.is((await publish(data)).type, 'ok');
    const back = await connect(nodes, 0, bob);
    const position = { epoch, offset };
    await back.command({ type: 'subscribe', grants: await grantsOf(bob), channels: [{ channel, position }] });
    assert.equal(
      back.framesOf('publication').map(({ data }) => data),
      ['BBBB', 'CCCC'],
    );
    await nodes.stop();
  });
}, 60_000);
