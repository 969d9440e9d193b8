import * as assert from 'uvu/assert';
import { laneOf, selectLanes } from './lanes.ts';
import { describe } from './suite.ts';

describe('lanes', ({ test }) => {
  test('follow the folder of a test file', () => {
    assert.is(laneOf('shared/codec.test.ts'), 'unit');
    assert.is(laneOf('shared/testing/suite.test.ts'), 'unit');
    assert.is(laneOf('origin/test/drain.test.ts'), 'origin');
    assert.is(laneOf('edge/test/connect.test.ts'), 'edge');
    assert.is(laneOf('deploy/test/stack.test.ts'), 'stack');
    assert.is(laneOf('deploy/aws/scaling.test.ts'), 'aws');
  });

  test('leave no test file out: one in an unknown test folder belongs to none', () => {
    assert.is(laneOf('loadtest/test/setup.test.ts'), undefined);
  });

  test('run everything by default, each file once', () => {
    const { lanes, faults } = selectLanes([]);
    assert.equal(faults, []);
    const files = lanes.flatMap((lane) => lane.files);
    assert.ok(files.includes('shared/testing/lanes.test.ts'));
    assert.is(new Set(files).size, files.length);
    assert.ok(lanes.every((lane) => lane.files.length > 0));
  });

  test('take a file, a directory or a lane', () => {
    const only = selectLanes(['shared/testing/lanes.test.ts']);
    assert.equal(
      only.lanes.map(({ name, files }) => [name, files]),
      [['unit', ['shared/testing/lanes.test.ts']]],
    );
    assert.ok(selectLanes(['shared/testing/']).lanes[0]?.files.includes('shared/testing/lanes.test.ts'));
    assert.equal(
      selectLanes(['unit']).lanes.map(({ name }) => name),
      ['unit'],
    );
  });

  test('refuse what names no tests', () => {
    for (const name of ['no-such-lane', 'shared/failure.ts', 'shared/vectors'])
      assert.is(selectLanes([name]).faults.length, 1, name);
  });
});
