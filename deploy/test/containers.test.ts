import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { cp, mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import { parse } from 'yaml';
import { createDatabase } from '../../shared/testing/database.ts';
import { until } from '../../shared/testing/expect.ts';
import { describe } from '../../shared/testing/suite.ts';
import { DRAIN } from '../aws/timings.ts';
import { freePort } from '../local/ports.ts';
import { main as makeSecrets } from '../local/secrets.ts';
import { CHECKOUT } from '../local/servers/checkout.ts';
import { findDeno } from '../local/servers/edge.ts';
import { type RunningProcess, startProcess } from '../local/servers/process.ts';
import { startRedis } from '../local/servers/redis.ts';
import { temporaryDirectory } from '../local/servers/temporary.ts';
import { buildWeb, copiesOf, type Instruction, lastStage, layOut, readDockerfile } from './image-tree.ts';

const DOCKER = join(CHECKOUT, 'deploy', 'docker');
const PARTS = ['origin', 'edge'] as const;

interface Service {
  readonly image: string;
  readonly environment?: Readonly<Record<string, string>>;
  readonly secrets?: readonly string[];
  readonly volumes?: readonly string[];
  readonly ports?: readonly string[];
  readonly healthcheck?: object;
  readonly read_only?: boolean;
  readonly cap_drop?: readonly string[];
  readonly security_opt?: readonly string[];
  readonly stop_grace_period?: string;
  readonly networks?: { readonly default: { readonly ipv4_address: string } };
}
interface Compose {
  readonly services: Readonly<Record<string, Service>>;
  readonly secrets: Readonly<Record<string, { readonly file: string }>>;
}

describe('the images', ({ test }) => {
  for (const part of PARTS) {
    test(`${part}: of exact versions, for nobody in particular, healthy by its own word, ended by SIGTERM`, async () => {
      const instructions = await readDockerfile(part);
      for (const { text } of named(instructions, 'FROM'))
        assert.match(text, /^[\w./-]+:\d+\.\d+\.\d+[\w-]*(?: AS \w+)?$/);
      const last = lastStage(instructions);
      const user = named(last, 'USER').at(-1);
      assert.ok(user !== undefined && !/^(?:root|0)\b/.test(user.text));
      assert.is(named(last, 'STOPSIGNAL')[0]?.text, 'SIGTERM');
      assert.match(named(last, 'HEALTHCHECK')[0]?.text ?? '', /CMD \[".*\/livez/);
      assert.ok(commandOf(last, 'ENTRYPOINT').length > 0, 'no shell between the signal and the program');
    });

    test(`${part}: copies only what is there`, async () => {
      for (const [from] of copiesOf(await readDockerfile(part)))
        assert.ok(existsSync(join(CHECKOUT, from)), from);
    });
  }

  test('run on the versions that everything here is tested with', async () => {
    const manifest = JSON.parse(await readFile(join(CHECKOUT, 'package.json'), 'utf8')) as {
      version: string;
      devDependencies: Record<string, string>;
      engines: { node: string };
    };
    const images = (await Promise.all(PARTS.map(readDockerfile))).flatMap((all) => named(all, 'FROM'));
    const of = (image: string) =>
      new Set(
        images.map(({ text }) => text.split(' ')[0] ?? '').filter((text) => text.startsWith(`${image}:`)),
      );
    assert.equal(of('denoland/deno'), new Set([`denoland/deno:${manifest.devDependencies.deno}`]));
    assert.is(of('node').size, 1);
    const [node = ''] = of('node');
    assert.ok(manifest.engines.node.includes(`${/:(\d+)\./.exec(node)?.[1]}.x`), node);
    const { services } = readCompose();
    for (const { image } of Object.values(services))
      if (image.startsWith('hushwire-')) assert.is(image.split(':')[1], manifest.version);
  });

  test('the edge has the permissions of its unit, on other paths', async () => {
    const unit = readFileSync(join(CHECKOUT, 'deploy', 'instance', 'hushwire-edge.service'), 'utf8');
    const flags = (text: string) =>
      (text.match(/--[\w-]+/g) ?? []).filter((flag) => flag !== '--check-config');
    const command = commandOf(lastStage(await readDockerfile('edge')), 'ENTRYPOINT').join(' ');
    assert.equal(flags(command).sort(), flags(/^ExecStart=(.*)$/m.exec(unit)?.[1] ?? '').sort());
  });
});

describe('compose.yaml', ({ test }) => {
  const { services, secrets } = readCompose();

  test('runs exact versions, read-only, without privileges, and watches each', async () => {
    const own = new Set<string>();
    for (const part of PARTS)
      if (named(lastStage(await readDockerfile(part)), 'HEALTHCHECK').length > 0) own.add(`hushwire-${part}`);
    for (const [name, service] of Object.entries(services)) {
      assert.match(service.image, /:v?\d+\.\d+(?:\.\d+)?(?:-[a-z]+)?$/, name);
      assert.ok(
        service.healthcheck !== undefined || own.has(service.image.split(':')[0] ?? ''),
        `${name} is watched`,
      );
      assert.is(service.read_only, true, name);
      assert.equal(service.cap_drop, ['ALL'], name);
      assert.equal(service.security_opt, ['no-new-privileges:true'], name);
    }
  });

  test('shows the world what clients need, and this machine alone by default', () => {
    const published = Object.values(services).flatMap(({ ports = [] }) => ports);
    for (const port of published) assert.match(port, /^(?:127\.0\.0\.1|\$\{HUSHWIRE_BIND:-127\.0\.0\.1\}):/);
    assert.equal(published.map((port) => Number(port.split(':').at(-1))).sort(), [3000, 8080, 8090]);
  });

  test('leaves an origin the time of its drain, and the balancer the time to notice', () => {
    for (const name of ['origin-1', 'origin-2']) {
      const { environment, stop_grace_period: grace = '' } = serviceOf(name);
      const of = (variable: string) => Number(environment?.[`HUSHWIRE_ORIGIN_DRAIN_${variable}_MS`]) / 1_000;
      assert.equal([of('LEAD'), of('CAP')], [DRAIN.lead, DRAIN.cap]);
      assert.ok(Number.parseInt(grace, 10) > DRAIN.lead + DRAIN.cap);
    }
  });

  test('the edge believes the balancer about addresses, and nobody else', () => {
    const address = serviceOf('balancer').networks?.default.ipv4_address;
    assert.is(serviceOf('edge-1').environment?.HUSHWIRE_EDGE_TRUSTED_PROXIES, address);
  });

  test('mounts only files that are there', () => {
    const mounted = Object.values(services).flatMap(({ volumes = [] }) =>
      volumes.filter((one) => one.startsWith('.')),
    );
    assert.ok(mounted.length >= 5);
    for (const one of mounted) assert.ok(existsSync(join(DOCKER, one.split(':')[0] ?? '')), one);
  });

  test('takes every secret that npm run secrets makes, each where it says so', async () => {
    const directory = await temporaryDirectory('secrets');
    try {
      assert.is(await quietly(() => makeSecrets(['--directory', directory])), 0);
      const made = await readdir(directory);
      assert.equal(Object.keys(secrets).sort(), made.sort());
      for (const [name, { file }] of Object.entries(secrets)) assert.match(file, new RegExp(`/${name}$`));
      assert.is((await stat(directory)).mode & 0o777, 0o700);
      const before = await readFile(join(directory, 'edge-tag-key'), 'utf8');
      assert.is(await quietly(() => makeSecrets(['--directory', directory])), 0);
      assert.is(await readFile(join(directory, 'edge-tag-key'), 'utf8'), before);
      await rm(join(directory, 'edge-ban-keys'));
      assert.is(await quietly(() => makeSecrets(['--directory', directory])), 1);
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  });

  test('Prometheus takes its configuration, HAProxy its own', async () => {
    const directory = await temporaryDirectory('monitoring');
    try {
      await cp(join(DOCKER, 'prometheus.yml'), join(directory, 'prometheus.yml'));
      await cp(join(CHECKOUT, 'deploy', 'monitoring', 'alarms.yml'), join(directory, 'alarms.yml'));
      const checked = spawnSync('promtool', ['check', 'config', join(directory, 'prometheus.yml')], {
        encoding: 'utf8',
      });
      assert.is(checked.status, 0, checked.stderr);
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
    const env = { PATH: `${process.env.PATH}:/usr/sbin` };
    const { status, stderr } = spawnSync('haproxy', ['-c', '-q', '-f', join(DOCKER, 'haproxy.cfg')], {
      env,
      encoding: 'utf8',
    });
    assert.is(status, 0, stderr);
  });

  function serviceOf(name: string): Service {
    const service = services[name];
    if (service === undefined) throw new Error(`There is no ${name}`);
    return service;
  }
});

describe('what is in the images', ({ test, before, after }) => {
  const ends: (() => Promise<unknown>)[] = [];
  let home: string;
  let relay: string;
  let database: string;
  before(async () => {
    home = await temporaryDirectory('images');
    ends.push(() => rm(home, { recursive: true, force: true }));
    const [redis, own] = await Promise.all([startRedis(), createDatabase()]);
    ends.push(redis.stop, own.drop);
    [relay, database] = [redis.url, own.url];
    await quietly(() => makeSecrets(['--directory', join(home, 'secrets')]));
    await mkdir(join(home, 'web'));
    await buildWeb(join(home, 'web'));
    for (const part of PARTS) {
      await mkdir(join(home, part));
      await layOut(part, join(home, part));
    }
  });
  after(async () => {
    for (const end of ends.reverse()) await end();
  });

  test('is all they need: origin, state and edge run on nothing else, as compose.yaml has it', async () => {
    const ports = {
      state: await freePort(),
      edge: await freePort(),
      api: await freePort(),
      health: await freePort(),
    };
    const { services } = readCompose();
    await writeFile(join(home, 'secrets', 'own-database-url'), database);
    const origin: Record<string, string> = {
      ...valuesOf(services['origin-1']),
      HUSHWIRE_ORIGIN_HOST: '127.0.0.1',
      HUSHWIRE_ORIGIN_PORT: String(await freePort()),
      HUSHWIRE_ORIGIN_INTERNAL_PORT: String(ports.api),
      HUSHWIRE_ORIGIN_HEALTH_PORT: String(ports.health),
      HUSHWIRE_ORIGIN_RELAY_URL: relay,
      HUSHWIRE_ORIGIN_DATABASE_URL_FILE: join(home, 'secrets', 'own-database-url'),
      HUSHWIRE_ORIGIN_DRAIN_LEAD_MS: '0',
      HUSHWIRE_ORIGIN_DRAIN_CAP_MS: '1000',
    };
    const host = await run('origin', { env: origin, isReady: (line) => line.includes('"origin.ready"') });
    const state = {
      STATE_PORT: String(ports.state),
      STATE_REDIS_URL: relay,
      STATE_TOKEN_FILE: join(home, 'secrets', 'state-token'),
    };
    await runState(state);
    const edge = {
      ...valuesOf(services['edge-1']),
      HUSHWIRE_EDGE_HOST: '127.0.0.1',
      HUSHWIRE_EDGE_PORT: String(ports.edge),
      HUSHWIRE_EDGE_METRICS_PORT: String(await freePort()),
      HUSHWIRE_EDGE_STATE_URL: `http://127.0.0.1:${ports.state}`,
      HUSHWIRE_EDGE_ORIGIN_API: `http://127.0.0.1:${ports.api}`,
      HUSHWIRE_EDGE_WEB_DIR: join(home, 'web', '.hushwire', 'web'),
    };
    await run('edge', { env: edge, isReady: (line) => line.includes('"edge.ready"') });
    const status = async () =>
      ((await (await fetch(`http://127.0.0.1:${ports.edge}/healthz`)).json()) as { status: string }).status;
    await until(async () => (await status()) === 'ok', {
      what: 'the edge with its state Redis and its origin',
    });
    assert.match(await (await fetch(`http://127.0.0.1:${ports.edge}/`)).text(), '<title>');
    assert.is(await healthOf(`http://127.0.0.1:${ports.health}/livez`), 0);
    assert.is(await healthOf(`http://127.0.0.1:${await freePort()}/livez`), 1);
    await host.stop();
    assert.is((await host.ended).code, 0);
  });

  interface Run {
    readonly env: Readonly<Record<string, string>>;
    readonly isReady: (line: string) => boolean;
  }

  /** What a container of the image would run, in the tree of its files. */
  async function run(part: (typeof PARTS)[number], { env, isReady }: Run): Promise<RunningProcess> {
    const last = lastStage(await readDockerfile(part));
    const words = [...commandOf(last, 'ENTRYPOINT'), ...commandOf(last, 'CMD')];
    const [command = '', ...args] = words.map((word) =>
      word.replace('/run/secrets', join(home, 'secrets')).replace('/app/web', join(home, 'web')),
    );
    const cwd = join(home, part);
    const own = { PATH: process.env.PATH ?? '', DENO_DIR: join(home, 'deno') };
    const program = command === 'deno' ? await findDeno() : join(cwd, command);
    const child = await startProcess({
      name: part,
      command: program,
      args,
      cwd,
      env: { ...own, ...env },
      isReady,
    });
    ends.push(child.stop);
    return child;
  }

  async function runState(env: Readonly<Record<string, string>>): Promise<void> {
    const child = await startProcess({
      name: 'state',
      command: process.execPath,
      args: ['--import', 'tsx', 'deploy/docker/state.ts'],
      cwd: join(home, 'origin'),
      env,
      isReady: (line) => line.includes('listening'),
    });
    ends.push(child.stop);
  }

  /** The environment of a service, with its defaults, and its secrets where they are here. */
  function valuesOf(service: Service | undefined): Record<string, string> {
    const entries = Object.entries(service?.environment ?? {}).map(([name, value]) => [
      name,
      String(value)
        .replaceAll(/\$\{\w+:-([^}]*)\}/g, '$1')
        .replace('/run/secrets', join(home, 'secrets')),
    ]);
    return Object.fromEntries(entries);
  }

  async function healthOf(url: string): Promise<number | null> {
    const child = spawnSync(process.execPath, [join(home, 'origin', 'deploy', 'docker', 'health.mjs'), url]);
    return child.status;
  }
}, 60_000);

function readCompose(): Compose {
  return parse(readFileSync(join(DOCKER, 'compose.yaml'), 'utf8'), { merge: true }) as Compose;
}

function named(instructions: readonly Instruction[], wanted: string): readonly Instruction[] {
  return instructions.filter(({ name }) => name === wanted);
}

/** An instruction in its JSON form, as words; throws for the form that a shell would run. */
function commandOf(instructions: readonly Instruction[], name: string): string[] {
  const [instruction] = named(instructions, name);
  return instruction === undefined ? [] : (JSON.parse(instruction.text) as string[]);
}

async function quietly<T>(run: () => Promise<T>): Promise<T> {
  const { log, error } = console;
  console.log = console.error = () => undefined;
  try {
    return await run();
  } finally {
    Object.assign(console, { log, error });
  }
}
