import * as assert from 'uvu/assert';
import { until } from '../../shared/testing/expect.ts';
import { describe } from '../../shared/testing/suite.ts';
import { createServiceManager } from '../adapters/service-manager.ts';
import { type NotifyListener, startNotifyListener } from './notify-listener.ts';

describe('the service manager', ({ test, needs, before, after }) => {
  needs('systemd-notify');
  needs('python3');
  let listener: NotifyListener;
  before(async () => {
    listener = await startNotifyListener();
  });
  after(() => listener?.stop());

  test('is told when work begins and ends, and pulses in between', async () => {
    const { told } = listener;
    const saved = process.env.NOTIFY_SOCKET;
    process.env.NOTIFY_SOCKET = listener.socket;
    const manager = createServiceManager({
      NOTIFY_SOCKET: process.env.NOTIFY_SOCKET,
      WATCHDOG_USEC: '100000',
    });
    try {
      manager.ready();
      await until(() => told.filter((line) => line.includes('WATCHDOG=1')).length >= 2, {
        what: 'two pulses',
      });
      assert.ok(told.some((line) => line.includes('READY=1')));
      manager.stopping(400_000);
      const leave = 'STOPPING=1 EXTEND_TIMEOUT_USEC=400000000';
      await until(() => told.some((line) => line.includes(leave)), { what: 'the leave' });
    } finally {
      manager.close();
      if (saved === undefined) delete process.env.NOTIFY_SOCKET;
      else process.env.NOTIFY_SOCKET = saved;
    }
  });

  test('nothing happens where there is none', () => {
    const manager = createServiceManager({});
    manager.ready();
    manager.stopping(1);
    manager.close();
  });
});
