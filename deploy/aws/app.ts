/** Entry: `node --import tsx deploy/aws/app.ts [settings.json]` writes deploy/aws/cdk.out; no network, no account. */
import { existsSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { build } from './build.ts';
import { brokenRelations } from './relations.ts';
import { readSettings, SettingsError } from './settings.ts';
import { judgeTemplate, outcomeLine } from './simulation/verdict.ts';
import type { Template } from './template.ts';

const OUT = join(import.meta.dirname, 'cdk.out');
const file = process.argv[2] ?? join(import.meta.dirname, 'settings.example.json');

try {
  synthesise();
} catch (error) {
  if (error instanceof SettingsError) console.error(`${file}: ${error.message}`);
  else console.error(error);
  if (existsSync(join(OUT, 'validation-report.json'))) console.error(`See ${OUT}/validation-report.json`);
  process.exitCode = 1;
}

function synthesise(): void {
  const settings = readSettings(JSON.parse(readFileSync(file, 'utf8')));
  const { app, main } = build(settings, OUT);
  const { stacks } = app.synth();
  const written = stacks.find(({ stackName }) => stackName === main.stackName)?.template;
  const faults = brokenRelations(written, settings.database.connections);
  if (faults.length > 0) throw new SettingsError(faults);
  for (const { stackName, templateFullPath, template } of stacks) {
    const count = Object.keys(template.Resources).length;
    console.log(`${stackName}: ${count} resources, ${relative(process.cwd(), templateFullPath)}`);
  }
  simulate(written);
}

/** The policies just written, under every load of deploy/aws/simulation; no template that fails one is good. */
function simulate(template: Template): void {
  const outcomes = judgeTemplate(template);
  for (const outcome of outcomes) console.log(outcomeLine(outcome));
  if (outcomes.some(({ faults }) => faults.length > 0)) process.exitCode = 1;
}
