/** `node --import tsx deploy/aws/simulate.ts [template.json]`: the scaling policies of a template under every load. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { judgeTemplate, outcomeLine } from './simulation/verdict.ts';

const file = process.argv[2] ?? join(import.meta.dirname, 'cdk.out', 'Hushwire.template.json');
const outcomes = judgeTemplate(JSON.parse(readFileSync(file, 'utf8')));
for (const outcome of outcomes) console.log(outcomeLine(outcome));
if (outcomes.some(({ faults }) => faults.length > 0)) process.exitCode = 1;
