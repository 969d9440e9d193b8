import * as assert from 'uvu/assert';
import { encodeEphemeral, encodePublication, encodePublicationBody } from '../shared/codec.ts';
import { LIMITS } from '../shared/limits.ts';
import { describe } from '../shared/testing/suite.ts';
import { Hub } from './hub.ts';
import type { Socket } from './ports.ts';
import { Subscriptions } from './subscriptions.ts';
import { MemoryBroker } from './test/memory-broker.ts';

const CHANNEL = 'C'.repeat(22);
const ID = 'message-000000000001';
const BODY = encodePublicationBody(CHANNEL, ID, 'M'.repeat(22), 'eA');

describe('hub with 1,000 readers of a channel', ({ test }) => {
  test('hands a publication to the fan-out in one call, encoded once, and writes to no socket itself', async () => {
    const node = await createCrowd(1_000);
    const accepted = await node.broker.publish({ channel: CHANNEL, id: ID, body: BODY });
    assert.equal(node.fannedOut, [encodePublication(accepted.position, BODY)]);
    assert.is(node.writes(), 0);
  });

  test('hands an ephemeral message to the fan-out in one call', async () => {
    const node = await createCrowd(1_000);
    await node.broker.announce(CHANNEL, BODY);
    assert.equal(node.fannedOut, [encodeEphemeral(BODY)]);
    assert.is(node.writes(), 0);
  });
});

async function createCrowd(readers: number) {
  const broker = new MemoryBroker();
  const fannedOut: string[] = [];
  const hub = new Hub({
    broker,
    fanOut: (_channel, text) => void fannedOut.push(text),
    wait: () => Promise.resolve(),
    onGap: () => undefined,
    onRepair: () => undefined,
  });
  let joined = 0;
  let writes = 0;
  const socket: Socket = {
    send: () => {
      writes += 1;
      return 'sent';
    },
    bufferedBytes: () => 0,
    drained: () => Promise.resolve(),
    join: () => {
      joined += 1;
    },
    leave: () => undefined,
    close: () => undefined,
  };
  const ports = { hub, broker, limits: LIMITS, onReplayed: () => undefined, onGap: () => undefined };
  for (let n = 0; n < readers; n += 1) await new Subscriptions(socket, ports).add(CHANNEL, undefined);
  assert.is(joined, readers);
  return { broker, fannedOut, writes: () => writes };
}
