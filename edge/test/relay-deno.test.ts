import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findDeno } from '../../deploy/local/servers/edge.ts';
import { startProcess } from '../../deploy/local/servers/process.ts';
import type { NodeInfo } from '../../shared/internal/relay.ts';
import { relayContract } from './relay-contract.ts';

const PERMISSIONS = [
  ...['--no-prompt', '--no-remote', '--cached-only', '--no-lock', '--node-modules-dir=manual', '--no-check'],
  '--allow-net=127.0.0.1',
];

relayContract('on Deno', {
  start: async () => {
    const home = await mkdtemp(join(tmpdir(), 'hushwire-deno-'));
    const host = await startProcess({
      name: 'relay',
      command: await findDeno(),
      args: ['run', ...PERMISSIONS, join('edge', 'test', 'relay-host.ts')],
      env: { DENO_DIR: home, DENO_NO_UPDATE_CHECK: '1', NO_COLOR: '1' },
      isReady: (line) => portOf(line) !== undefined,
    });
    const port = Number(host.lines.map(portOf).find((found) => found !== undefined));
    return {
      port,
      passesExtensions: true,
      setNodes: async (nodes: readonly NodeInfo[]) => {
        await (
          await fetch(`http://127.0.0.1:${port}/nodes`, { method: 'PUT', body: JSON.stringify(nodes) })
        ).text();
      },
      stop: async () => {
        await host.stop();
        await rm(home, { recursive: true, force: true });
      },
    };
  },
});

function portOf(line: string): string | undefined {
  return /"relay.ready","port":(\d+)/.exec(line)?.[1];
}
