import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import * as assert from 'uvu/assert';
import { until } from '../../shared/testing/expect.ts';
import { describe } from '../../shared/testing/suite.ts';
import { BALANCER_IDLE, DEREGISTRATION, HEALTH, NODE_KEEP_ALIVE } from '../aws/timings.ts';
import { startHaproxy } from '../local/servers/haproxy.ts';
import type { RunningProcess } from '../local/servers/process.ts';
import { CONFIGURATION, configurationFor, pickFront } from './balanced-stack.ts';

/** Nothing but HTTP is in the way here, so that two seconds show what ninety would. */
const SCALE = 2 / BALANCER_IDLE;

describe('the configuration of HAProxy', ({ test, needs, before, after }) => {
  needs('haproxy');
  /** Of the connection of each call, who closed it. */
  const closers: Promise<'balancer' | 'server'>[] = [];
  let server: Server;
  let haproxy: RunningProcess;
  let url: string;

  before(async () => {
    const keepAliveTimeout = Math.round(NODE_KEEP_ALIVE * SCALE * 1_000);
    server = createServer({ keepAliveTimeout }, (request, answer) => {
      if (request.url !== '/readyz') closers.push(closerOf(request.socket));
      answer.end(String(request.headers['x-forwarded-for']));
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const front = await pickFront();
    const { port } = server.address() as AddressInfo;
    const node = { port, internalPort: port, healthPort: port };
    const behind = { edge: port, nodes: [node, node] };
    haproxy = await startHaproxy({
      configuration: configurationFor(SCALE, { front, behind }),
      port: front.edge,
    });
    url = `http://127.0.0.1:${front.edge}`;
  });
  after(async () => {
    await haproxy?.stop();
    server?.close();
  });

  test('has the times of every other balancer', () => {
    const of = (name: string) => Number(new RegExp(`^ +${name} +(\\d+)s$`, 'm').exec(CONFIGURATION)?.[1]);
    for (const name of ['client', 'server', 'tunnel', 'http-keep-alive'])
      assert.is(of(`timeout ${name}`), BALANCER_IDLE, name);
    assert.is(of('timeout check'), HEALTH.timeout);
    assert.is(of('hard-stop-after'), DEREGISTRATION);
    const { interval, unhealthy, healthy } = HEALTH;
    assert.match(CONFIGURATION, ` inter ${interval}s fall ${unhealthy} rise ${healthy} `);
  });

  test('tells the edge who calls, whatever the caller says, and logs nothing', async () => {
    const answer = await fetch(`${url}/some/path`, { headers: { 'x-forwarded-for': '192.0.2.7' } });
    assert.is(await answer.text(), '127.0.0.1');
    assert.not.match(CONFIGURATION, /^\s*(?:log|option (?:httplog|tcplog|forwardfor)|capture)\b/m);
    assert.equal(
      haproxy.lines.filter((line) => /127\.0\.0\.1|192\.0\.2\.7|some/.test(line)),
      [],
    );
  });

  test('passes no promise of a server on how long connections are kept', async () => {
    const { headers } = await fetch(url);
    assert.is(headers.get('keep-alive'), null);
  });

  test('is the first to close a connection to a server that nobody uses', async () => {
    await (await fetch(url)).text();
    const who = await until(Promise.all(closers), { what: 'the end of every connection' });
    assert.ok(
      who.every((one) => one === 'balancer'),
      String(who),
    );
  });
});

/** A server that closes what nobody uses has met its own timeout. */
function closerOf(socket: Socket): Promise<'balancer' | 'server'> {
  return new Promise((resolve) => {
    socket.once('timeout', () => resolve('server')).once('close', () => resolve('balancer'));
  });
}
