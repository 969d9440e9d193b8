import { describe } from '../../shared/testing/suite.ts';
import { startStack } from '../local/stack.ts';
import { launchChromium } from './browser.ts';
import { accountScenario } from './web-account.ts';
import { chatScenario } from './web-chat.ts';
import { devicesScenario } from './web-devices.ts';
import { keyboardScenario } from './web-keyboard.ts';
import { moderationScenario } from './web-moderation.ts';
import { peopleScenario } from './web-people.ts';
import { createWorld } from './web-world.ts';

// One stack and one browser for all of it; the chat comes last, because it kills a node.
describe('the web messenger, in Chromium', (suite) => {
  suite.needs('chromium');
  suite.needs('oathtool');
  const world = createWorld();
  suite.before(async () => {
    const [stack, browser] = await Promise.all([startStack({ web: true }), launchChromium()]);
    Object.assign(world, { stack, browser });
  });
  suite.after(async () => {
    await world.browser?.close();
    await world.stack?.stop();
  });
  accountScenario(suite, world, () => {
    keyboardScenario(suite, world);
    moderationScenario(suite, world);
    peopleScenario(suite, world);
    devicesScenario(suite, world);
  });
  chatScenario(suite, world);
}, 60_000);
