import { spawnSync } from 'node:child_process';
import { CHECKOUT } from './servers/checkout.ts';

const HELP = `npm run synth [-- <settings.json>]

Writes the CloudFormation templates of deploy/aws into deploy/aws/cdk.out, without network or account, checked by
cdk-nag. The settings are those of deploy/aws/settings.example.json unless another file is named; deploy/aws/README.md
explains them. The exit code is 1 when the settings are wrong or a rule is broken.`;

/** `npm run synth`: resolves with the exit code. In a process of its own, since its packages are (deploy/aws/package.json). */
export async function main(args: string[]): Promise<number> {
  if (args.includes('--help') || args.includes('-h')) {
    console.log(HELP);
    return 0;
  }
  const command = ['--import', 'tsx', 'deploy/aws/app.ts', ...args];
  return spawnSync(process.execPath, command, { cwd: CHECKOUT, stdio: 'inherit' }).status ?? 1;
}
