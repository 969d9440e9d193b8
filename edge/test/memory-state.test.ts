import { describe } from '../../shared/testing/suite.ts';
import { TestClock } from './harness.ts';
import { createMemoryState } from './memory-state.ts';
import { stateContract } from './state-contract.ts';

describe('State in memory', (suite) => {
  stateContract(suite, () => {
    const clock = new TestClock();
    const state = createMemoryState(clock);
    return {
      state,
      now: () => clock.now(),
      pass: async (ms) => clock.advance(ms),
      breakDown: async () => state.setDown(true),
    };
  });
});
