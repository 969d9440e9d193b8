import { App, Tags, Validations } from 'aws-cdk-lib';
import { AwsSolutionsChecks } from 'cdk-nag';
import { acknowledgeFindings } from './findings.ts';
import { OffsiteStack } from './offsite.ts';
import type { Settings } from './settings.ts';
import { HushwireStack } from './stack.ts';

export interface Built {
  readonly app: App;
  readonly main: HushwireStack;
  readonly offsite: OffsiteStack;
}

/** The whole application, unsynthesised. With `outdir`, synth() also asks cdk-nag, and throws on what nobody has answered. */
export function build(settings: Settings, outdir?: string): Built {
  const app = new App({ analyticsReporting: false, ...(outdir === undefined ? {} : { outdir }) });
  const { account, region, dumps } = settings;
  const main = new HushwireStack(app, settings, { env: { account, region } });
  const offsite = new OffsiteStack(app, settings, { env: { account, region: dumps.region } });
  Tags.of(app).add('service', 'hushwire');
  acknowledgeFindings({ main, offsite, settings });
  if (outdir !== undefined) Validations.of(app).addPlugins(new AwsSolutionsChecks(app));
  return { app, main, offsite };
}
