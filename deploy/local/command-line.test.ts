import * as assert from 'uvu/assert';
import { describe } from '../../shared/testing/suite.ts';
import { runProgram, whole } from './command-line.ts';

const PROGRAM = {
  help: 'what it does',
  options: { nodes: { type: 'string', default: '2' } },
  read: ({ nodes = '' }: { nodes?: string }) => whole('nodes', nodes, [1, 9]),
  run: (nodes: number) => Promise.resolve(nodes + 10),
} as const;

/** The exit code, and what was said about it. */
async function run(...args: string[]) {
  const said: string[] = [];
  const { log, error } = console;
  console.log = console.error = (line: string) => void said.push(line);
  try {
    return { code: await runProgram(args, PROGRAM), said: said.join('\n') };
  } finally {
    Object.assign(console, { log, error });
  }
}

describe('a program', ({ test }) => {
  test('explains itself, and runs with what it was given', async () => {
    assert.equal(await run('--nodes', '3', '--help'), { code: 0, said: 'what it does' });
    assert.equal(await run('--nodes=3'), { code: 13, said: '' });
  });

  test('refuses what makes no sense with 2, in one sentence that says what would', async () => {
    const refused = {
      '--nodes 10': '--nodes takes a whole number from 1 to 9',
      '--nodes=-1': '--nodes takes a whole number from 1 to 9',
      '--nodes -1': "Option '--nodes' needs a value, and one that begins with a dash is written behind a '='",
      '--nodes': "Option '--nodes <value>' argument missing",
      '--nope': "Unknown option '--nope'",
      stray: "Unexpected argument 'stray'",
    };
    for (const [line, sentence] of Object.entries(refused))
      assert.equal(await run(...line.split(' ')), {
        code: 2,
        said: `${sentence} (--help lists what there is)`,
      });
  });
});
