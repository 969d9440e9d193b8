import * as assert from 'uvu/assert';
import { describe } from '../../shared/testing/suite.ts';
import { addSelfTimes } from './profile.ts';

describe('profile', ({ test }) => {
  test('adds the own time of each function, by name and place', () => {
    const frame = (functionName: string, url: string) => ({ functionName, url, lineNumber: 9 });
    const profile = {
      nodes: [
        { id: 1, callFrame: frame('(idle)', '') },
        { id: 2, callFrame: frame('send', 'file:///somewhere/origin/connection.ts') },
        { id: 3, callFrame: frame('', 'file:///x/node_modules/ioredis/built/Redis.js') },
      ],
      samples: [1, 2, 3, 2],
      timeDeltas: [100, 10, 5, 7],
    };
    const spent = new Map<string, number>([['(idle)', 1]]);
    addSelfTimes(profile, spent);
    assert.equal(
      [...spent],
      [
        ['(idle)', 101],
        ['send origin/connection.ts:10', 17],
        ['(anonymous) node_modules/ioredis/built/Redis.js:10', 5],
      ],
    );
  });
});
