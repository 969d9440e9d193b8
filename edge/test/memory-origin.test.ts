import { describe } from '../../shared/testing/suite.ts';
import { NODES } from './harness.ts';
import { createMemoryOrigin } from './memory-origin.ts';
import { originContract } from './origin-contract.ts';

describe('OriginApi in memory', (suite) => {
  const origin = createMemoryOrigin();
  origin.nodeList = [...NODES];
  originContract(suite, () => origin);
});
