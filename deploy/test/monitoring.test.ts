import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import { describe } from '../../shared/testing/suite.ts';
import { configurationPage } from '../local/configuration.ts';
import { CHECKOUT } from '../local/servers/checkout.ts';
import { type Stack, startStack } from '../local/stack.ts';

const read = (...path: string[]) => readFileSync(join(CHECKOUT, 'deploy', ...path), 'utf8');
const ALARMS = read('monitoring', 'alarms.yml');
const RUNBOOKS = readdirSync(join(CHECKOUT, 'deploy', 'runbooks')).filter((name) => name !== 'README.md');

/** Each alarm with the runbook it names. */
const alarms = [...ALARMS.matchAll(/- alert: (\w+)[\s\S]*?runbook: deploy\/runbooks\/([\w-]+\.md)/g)].map(
  ([, name = '', runbook = '']) => ({ name, runbook }),
);
const matches = (text: string, pattern: RegExp) => [...text.matchAll(pattern)].map(([, found = '']) => found);

describe('alarms', ({ test, needs }) => {
  needs('promtool');

  test('are rules Prometheus takes, and so is its configuration', async () => {
    await promtool(['check', 'rules', 'alarms.yml']);
    await promtool(['check', 'config', '--syntax-only', 'prometheus.yml']);
  });

  test('each fires when it must and stays quiet when not', async () => {
    await promtool(['test', 'rules', 'alarms.test.yml']);
    const tested = read('monitoring', 'alarms.test.yml');
    for (const { name } of alarms)
      for (const how of ['fires', 'stays quiet']) assert.ok(tested.includes(`- name: ${name} ${how}`), name);
  });
}, 60_000);

describe('metrics of a running node', ({ test, before, after, needs }) => {
  needs('promtool');
  let stack: Stack;
  let text: string;
  before(async () => {
    stack = await startStack({ nodes: 1 });
    text = await (await fetch(`${stack.nodes[0]?.healthUrl}/metrics`)).text();
  });
  after(() => stack?.stop());

  test('are clean for promtool', () => promtool(['check', 'metrics'], text));

  test('are all that alarms, dashboard and runbooks name', () => {
    const others = ['origin/host-health.ts', 'edge/adapters/edge-metrics-deno.ts'];
    const sources = others.map((name) => readFileSync(join(CHECKOUT, name), 'utf8'));
    const programs = [...sources, read('local', 'probe.ts'), read('local', 'backup.ts')].join('\n');
    const known = new Set([
      ...matches(text, /^# TYPE (\w+)/gm),
      ...matches(programs, /\b(hushwire_[a-z_]+)\b/g),
      ...matches(ALARMS, /- record: (\S+)/g),
    ]);
    const naming = [
      ALARMS,
      read('monitoring', 'dashboard.json'),
      ...RUNBOOKS.map((name) => read('runbooks', name)),
    ];
    const named = naming.flatMap((page) =>
      matches(page, /\b((?:hushwire|process|nodejs)_[a-z_]+|hushwire:[\w:]+)\b/g),
    );
    assert.equal(
      [...new Set(named)].filter((name) => !known.has(name.replace(/_bucket$/, ''))),
      [],
    );
  });
});

describe('runbooks', ({ test }) => {
  test('every alarm names one that names it, and no runbook names an alarm that is not there', () => {
    assert.ok(alarms.length >= 20);
    assert.is(alarms.length, matches(ALARMS, /- alert: (\w+)/g).length);
    for (const { name, runbook } of alarms) {
      const [line = ''] = matches(read('runbooks', runbook), /^Alarm: (.*)$/gm);
      assert.ok(line.includes(`\`${name}\``), `${runbook} names ${name}`);
    }
    for (const runbook of RUNBOOKS)
      for (const name of matches(read('runbooks', runbook), /`(Hushwire\w+)`/g))
        assert.ok(
          alarms.some((alarm) => alarm.name === name && alarm.runbook === runbook),
          `${runbook}: ${name}`,
        );
  });

  test('every script, variable, file and page they name exists, and every page is in the list', () => {
    const { scripts } = JSON.parse(readFileSync(join(CHECKOUT, 'package.json'), 'utf8')) as {
      scripts: Record<string, string>;
    };
    const variables = configurationPage();
    const list = read('runbooks', 'README.md');
    for (const name of RUNBOOKS) {
      const page = read('runbooks', name);
      for (const script of matches(page, /npm run ([a-z]+)/g))
        assert.ok(script in scripts, `${name}: ${script}`);
      for (const variable of matches(page, /`(HUSHWIRE_[A-Z_]+)`/g))
        assert.ok(variables.includes(`\`${variable}\``), `${name}: ${variable}`);
      for (const file of matches(page, /\b((?:origin|edge|deploy)\/[\w/.-]+\.(?:ts|sh|md))\b/g))
        assert.ok(readFileSync(join(CHECKOUT, file)).length > 0, `${name}: ${file}`);
      for (const link of matches(page, /\]\(([\w-]+\.md)\)/g))
        assert.ok(RUNBOOKS.includes(link), `${name}: ${link}`);
      assert.ok(list.includes(`(${name})`), `${name} is not in the list`);
    }
  });
});

/** Runs promtool beside the rules; fails with its words when it does not end well, or has something to say of metrics. */
function promtool(args: readonly string[], input = ''): Promise<void> {
  return new Promise((resolve, reject) => {
    const cwd = join(CHECKOUT, 'deploy', 'monitoring');
    const child = execFile('promtool', [...args], { cwd }, (error, out, err) => {
      const isClean = error === null && (args[1] !== 'metrics' || `${out}${err}`.trim() === '');
      if (isClean) resolve();
      else reject(new Error(`promtool ${args.join(' ')}: ${out}${err}`));
    });
    child.stdin?.end(input);
  });
}
