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
    const cases = read('monitoring', 'alarms.test.yml').split(/^ {2}- name: /m);
    for (const { name } of alarms)
      for (const [how, value] of [
        ['fires', 1],
        ['stays quiet', 0],
      ]) {
        const tested = cases.find((text) => text.startsWith(`${name} ${how}`)) ?? '';
        assert.ok(tested.includes(`ALERTS{alertname="${name}",alertstate="firing"}`), `${name} ${how}`);
        assert.match(tested, new RegExp(`exp_samples:\\n +- value: ${value}\\n`), `${name} ${how}`);
      }
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
    const programs = ['probe.ts', 'backup.ts', 'archive.ts'].map((name) => read('local', name));
    const known = new Set([
      ...matches(text, /^# TYPE (\w+)/gm),
      ...matches([...sources, ...programs].join('\n'), /\b(hushwire_[a-z_]+)\b/g),
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

describe('the objective', ({ test }) => {
  const page = read('slo.md');
  const [, table = ''] = page.split(/<!-- \/?burn -->/);
  const rows = [
    ...table.matchAll(
      /^\| `(\w+)` \| ([\d.]+) \| ([\d.]+) % in (\d+) (h|d) \| (\d+) (h|d) and (\d+) (min|h) \|$/gm,
    ),
  ];
  const hours = (value: string | undefined, unit: string | undefined) =>
    Number(value) * (unit === 'd' ? 24 : 1);
  const PERIOD_H = 30 * 24;

  test('has a table whose shares of the budget follow from its burn rates', () => {
    assert.is(rows.length, 4);
    for (const [, name, rate, share, long, unit] of rows)
      assert.is(Math.round(((Number(rate) * hours(long, unit)) / PERIOD_H) * 100), Number(share), name);
    assert.ok(page.includes(`${(PERIOD_H * 60 * 0.001).toFixed(1)} minutes`));
  });

  test('is what the alarms watch: every burn rate over both of its windows, and no other', () => {
    for (const [, name = '', rate = '', , , , long = '', longUnit = '', short = '', shortUnit = ''] of rows) {
      const [, rule = ''] = ALARMS.split(`- alert: ${name}`);
      const [expression = ''] = rule.split('for:');
      const factor = rate === '1' ? '0.001' : `${rate} * 0.001`;
      for (const window of [`${long}${longUnit}`, `${short}${shortUnit.slice(0, 1)}`])
        assert.ok(expression.includes(`ratio_rate${window} > ${factor}`), `${name}: ${window} > ${factor}`);
    }
    assert.is([...ALARMS.matchAll(/ratio_rate\w+ > /g)].length, rows.length * 2);
  });

  test('names metrics and pages that exist', () => {
    const sources = ['origin/metrics.ts', 'edge/adapters/edge-metrics-deno.ts', 'deploy/local/probe.ts'];
    const known = [ALARMS, ...sources.map((name) => readFileSync(join(CHECKOUT, name), 'utf8'))].join('\n');
    for (const name of matches(page, /`(hushwire[_:][\w:]+)`/g))
      assert.ok(known.includes(name) || known.includes(name.replace('hushwire_', '')), name);
    for (const file of matches(page, /\]\(([\w/.-]+)\)/g))
      assert.ok(read(...file.split('/')).length > 0, file);
  });
});
