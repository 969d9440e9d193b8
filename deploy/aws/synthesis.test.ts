import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Stack } from 'aws-cdk-lib';
import { Bucket } from 'aws-cdk-lib/aws-s3';
import * as assert from 'uvu/assert';
import { describe } from '../../shared/testing/suite.ts';
import { build } from './build.ts';
import { EXAMPLE } from './example.ts';

describe('synthesis', ({ test, before, after }) => {
  let directory = '';
  before(() => {
    directory = mkdtempSync(join(tmpdir(), 'hushwire-aws-'));
  });
  after(() => rmSync(directory, { recursive: true, force: true }));

  test('is clean for cdk-nag, asks nobody anything and ships no files', () => {
    const { stacks, manifest } = build(EXAMPLE, directory).app.synth();
    assert.equal(
      stacks.map(({ stackName }) => stackName),
      ['Hushwire', 'HushwireOffsite'],
    );
    assert.is(manifest.missing, undefined, 'look-ups');
    const assets = JSON.parse(readFileSync(join(directory, 'Hushwire.assets.json'), 'utf8'));
    assert.is(Object.keys(assets.files).length, 1, 'only the template itself');
  });

  test('fails on a finding nobody has answered', () => {
    const { app } = build(EXAMPLE, join(directory, 'planted'));
    new Bucket(new Stack(app, 'Planted'), 'Open');
    assert.throws(() => app.synth(), /Validation failed/);
  });
});
