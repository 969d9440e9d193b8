import { existsSync } from 'node:fs';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import { describe } from '../../../shared/testing/suite.ts';
import { main } from '../loadtest.ts';
import { CHECKOUT } from '../servers/checkout.ts';
import { HELP, readWanted } from './arguments.ts';
import { findK6 } from './k6.ts';
import { SCENARIOS } from './scenarios.ts';

describe('npm run loadtest', ({ test }) => {
  test('has a script for every scenario, and each in its help', () => {
    for (const { name } of SCENARIOS) {
      assert.ok(existsSync(join(CHECKOUT, 'loadtest', `${name}.ts`)), name);
      assert.ok(HELP.includes(`  ${name} `), name);
    }
  });

  test('hands on what the script is to know', () => {
    const given = { nodes: '2', sockets: '200', edge: 'https://edge.example/', rate: '7' };
    const wanted = readWanted(given, ['hold']);
    assert.equal(wanted.env, { SOCKETS: '200', RATE: '7' });
    assert.is(wanted.edge, 'https://edge.example');
    assert.is(wanted.scenario.name, 'hold');
  });

  test('finds no k6 where there is none', () => {
    assert.is(findK6({ PATH: '/nowhere:/neither', HOME: '/nowhere', GOBIN: '' }), undefined);
    assert.is(findK6({}), undefined);
  });

  const refused: readonly (readonly [args: readonly string[], says: RegExp])[] = [
    [[], /^Name a scenario: smoke, /],
    [['holt'], /no scenario "holt"/],
    [['hold', 'chat'], /One scenario at a time/],
    [['hold', '--sockets', '0'], /--sockets takes a whole number/],
    [['hold', '--sockets', 'many'], /--sockets takes a whole number/],
    [['hold', '--edge', 'edge.example'], /--edge takes an http or https URL/],
    [['hold', '--what'], /--what/],
  ];
  for (const [args, says] of refused)
    test(`refuses ${args.join(' ') || 'nothing'}`, async () => {
      const { code, errors } = await heard(() => main(args));
      assert.is(code, 2);
      assert.match(errors, says);
    });
});

/** Runs it and takes what it says to stderr. */
async function heard(run: () => Promise<number>): Promise<{ code: number; errors: string }> {
  const said: string[] = [];
  const { error } = console;
  console.error = (line: string) => void said.push(line);
  try {
    return { code: await run(), errors: said.join('\n') };
  } finally {
    console.error = error;
  }
}
