import { describeBroker } from './broker-contract.ts';
import { MemoryBroker } from './memory-broker.ts';

describeBroker('memory', async () => ({ broker: new MemoryBroker(), stop: async () => undefined }));
