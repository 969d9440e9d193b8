import * as assert from 'uvu/assert';
import { describe } from '../shared/testing/suite.ts';
import { clientAddress, parseCidr, prefixOf } from './address.ts';

const PROXIES = ['10.0.0.0/8', 'fd00::/8', '192.0.2.7'].map(parseCidr);

describe('address of a client', ({ test }) => {
  const cases: readonly [
    what: string,
    peer: string | undefined,
    forwarded: string | undefined,
    is: string | undefined,
  ][] = [
    ['is that of the peer', '198.51.100.4', undefined, '198.51.100.4'],
    ['is that of the peer, whatever it claims', '198.51.100.4', '203.0.113.9', '198.51.100.4'],
    ['is what a trusted proxy saw', '10.1.2.3', '203.0.113.9', '203.0.113.9'],
    ['is the last that is no proxy', '10.1.2.3', '1.2.3.4, 203.0.113.9, 192.0.2.7', '203.0.113.9'],
    ['is never what stands before that', '10.1.2.3', '10.0.0.1, 203.0.113.9', '203.0.113.9'],
    ['is that of the proxy, when everything is one', '10.1.2.3', '10.0.0.1', '10.0.0.1'],
    ['is that of the proxy, when it says nothing', '10.1.2.3', undefined, '10.1.2.3'],
    ['is unknown when the proxy says nonsense', '10.1.2.3', 'unknown', undefined],
    ['is IPv4, also inside IPv6', '::ffff:198.51.100.4', undefined, '198.51.100.4'],
    ['is IPv6', '2001:db8::1', undefined, '2001:db8::1'],
    ['is what an IPv6 proxy saw', 'fd00::1', '2001:db8::1', '2001:db8::1'],
    ['is unknown without a peer', undefined, '203.0.113.9', undefined],
  ];
  for (const [what, peer, forwarded, is] of cases)
    test(what, () => assert.is(clientAddress(peer, forwarded, PROXIES), is));

  test('counts as one for a whole IPv6 network of 56 bits, and for one IPv4 address', () => {
    assert.is(prefixOf('2001:db8:aaaa:bb01::1'), prefixOf('2001:db8:aaaa:bbff:1:2:3:4'));
    assert.is.not(prefixOf('2001:db8:aaaa:bb01::1'), prefixOf('2001:db8:aaaa:bc01::1'));
    assert.is.not(prefixOf('198.51.100.4'), prefixOf('198.51.100.5'));
  });

  test('is refused in a list of proxies when it is none', () => {
    for (const text of ['10.0.0.0/33', 'proxy', '10.0.0', ''])
      assert.throws(() => parseCidr(text), undefined, text);
  });
});
