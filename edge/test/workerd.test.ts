import { startWorkerd } from '../../deploy/local/servers/workerd.ts';
import { edgeContract } from './contract.ts';
import { startEdgeStack } from './stack.ts';

edgeContract(
  'on workerd',
  async () => {
    const { edge, stop } = await startEdgeStack(startWorkerd);
    return { url: edge.url, stop };
  },
  { listener: 'the platform’s' },
);
