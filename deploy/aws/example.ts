/** The template of settings.example.json, made once for all tests of a process. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Template as Synthesised } from 'aws-cdk-lib/assertions';
import { build } from './build.ts';
import { readSettings } from './settings.ts';
import type { Template } from './template.ts';

export const EXAMPLE = readSettings(
  JSON.parse(readFileSync(join(import.meta.dirname, 'settings.example.json'), 'utf8')),
);

let made: Template | undefined;

export function exampleTemplate(): Template {
  made ??= Synthesised.fromStack(build(EXAMPLE).main).toJSON() as Template;
  return made;
}
