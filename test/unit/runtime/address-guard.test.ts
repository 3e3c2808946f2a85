import { describe, expect, it } from 'vitest'
import { ArgumentError, errorCode } from '../../../src/errors.ts'
import { createAddressGuard } from '../../../src/runtime/address-guard.ts'

const ownAddresses = () => new Set(['9.9.9.9', '2620:fe::9'])
const guard = createAddressGuard({ ownAddresses })

function codeOf(work: () => unknown): string | undefined {
  try {
    work()
    return undefined
  } catch (error) {
    return errorCode(error)
  }
}

describe('judge', () => {
  it.each([
    '1.1.1.1',
    '8.8.8.8',
    '100.63.255.255',
    '100.128.0.0',
    '126.255.255.255',
    '128.0.0.0',
    '172.15.255.255',
    '172.32.0.0',
    '168.63.129.15',
    '168.63.129.17',
    '192.0.1.0',
    '192.169.0.0',
    '198.17.255.255',
    '198.20.0.0',
    '223.255.255.255',
    '2606:4700::1111',
    '2001:200::1',
    '2001:4860:4860::8888',
    '2a00:1450:4001::1',
    '2600::5efe:808:808', // ISATAP of a public address
    '::ffff:8.8.8.8',
  ])('lets %s pass', (address) => {
    expect(guard.judge(address)).toBeNull()
  })

  it.each([
    // IPv4, IANA's registry: the first and last of each range
    ['0.0.0.0', '0.0.0.0/8'],
    ['0.255.255.255', '0.0.0.0/8'],
    ['10.0.0.0', '10.0.0.0/8'],
    ['10.255.255.255', '10.0.0.0/8'],
    ['100.64.0.0', '100.64.0.0/10'],
    ['100.127.255.255', '100.64.0.0/10'],
    ['127.0.0.1', 'loopback'],
    ['127.255.255.255', 'loopback'],
    ['169.254.0.0', 'link-local'],
    ['169.254.255.255', 'link-local'],
    ['172.16.0.0', 'private'],
    ['172.31.255.255', 'private'],
    ['192.0.0.0', '192.0.0.0/24'],
    ['192.0.0.255', '192.0.0.0/24'],
    ['192.0.2.1', 'documentation'],
    ['192.31.196.1', 'AS112'],
    ['192.52.193.1', 'AMT'],
    ['192.88.99.1', '6to4'],
    ['192.168.0.0', 'private'],
    ['192.168.255.255', 'private'],
    ['192.175.48.1', 'AS112'],
    ['198.18.0.0', 'benchmarking'],
    ['198.19.255.255', 'benchmarking'],
    ['198.51.100.1', 'documentation'],
    ['203.0.113.1', 'documentation'],
    ['224.0.0.1', 'multicast'],
    ['239.255.255.255', 'multicast'],
    ['240.0.0.1', 'reserved'],
    ['255.255.255.255', 'reserved'],
    // cloud metadata
    ['169.254.169.254', 'metadata'],
    ['168.63.129.16', 'metadata'],
    ['100.100.100.200', '100.64.0.0/10'],
    ['192.0.0.192', '192.0.0.0/24'],
    ['fd00:ec2::254', 'not global unicast'],
    ['fd20:ce::254', 'not global unicast'],
    // IPv6, IANA's registry and what lies outside of 2000::/3
    ['::', 'not global unicast'],
    ['::1', 'not global unicast'],
    ['64:ff9b::808:808', 'not global unicast'],
    ['64:ff9b:1::808:808', 'not global unicast'],
    ['100::1', 'not global unicast'],
    ['100:0:0:1::1', 'not global unicast'],
    ['2001::1', '2001::/23'],
    ['2001:1::1', '2001::/23'],
    ['2001:2::1', '2001::/23'],
    ['2001:3::1', '2001::/23'],
    ['2001:4:112::1', '2001::/23'],
    ['2001:10::1', '2001::/23'],
    ['2001:20::1', '2001::/23'],
    ['2001:30::1', '2001::/23'],
    ['2001:1ff:ffff::1', '2001::/23'],
    ['2001:db8::1', 'documentation'],
    ['2002:808:808::1', '6to4'],
    ['2620:4f:8000::1', 'AS112'],
    ['3fff::1', 'documentation'],
    ['3fff:fff::1', 'documentation'],
    ['4000::1', 'not global unicast'],
    ['5f00::1', 'not global unicast'],
    ['fc00::1', 'not global unicast'],
    ['fdff::1', 'not global unicast'],
    ['fe80::1', 'not global unicast'],
    ['fe80::1%eth0', 'not global unicast'],
    ['fec0::1', 'not global unicast'],
    ['ff02::1', 'not global unicast'],
    // IPv6 forms that carry a forbidden IPv4 address
    ['::ffff:127.0.0.1', 'loopback'],
    ['::ffff:7f00:1', 'loopback'],
    ['0:0:0:0:0:ffff:a9fe:a9fe', 'metadata'],
    ['::7f00:1', 'not global unicast'],
    ['::a9fe:a9fe', 'not global unicast'],
    ['::ffff:0:7f00:1', 'not global unicast'],
    ['2600::5efe:a00:1', 'private'],
    ['2600::200:5efe:a9fe:a9fe', 'metadata'],
    // this host
    ['9.9.9.9', 'this host'],
    ['::ffff:9.9.9.9', 'this host'],
    ['2620:fe::9', 'this host'],
    // no addresses
    ['', 'not an IP address'],
    ['example.com', 'not an IP address'],
    ['127.1', 'not an IP address'],
    ['0177.0.0.1', 'not an IP address'],
    ['[::1]', 'not an IP address'],
    ['10.0.0.0/8', 'not an IP address'],
  ])('refuses %s: %s', (address, reason) => {
    expect(guard.judge(address)).toContain(reason)
  })

  it.each([
    ['64:ff9b::/96', '64:ff9b::a00:1', '64:ff9b::808:808'],
    ['64:ff9b:1::/48', '64:ff9b:1::a9fe:a9fe', '64:ff9b:1::808:808'],
    ['64:ff9b:1::/48', '64:ff9b:1:a9fe:a9:fe00::', null],
    ['2002::/16', '2002:a00:1::1', '2002:808:808::1'],
    ['2001::/32', '2001:0:a00:1::f7f7:f7f7', null], // a private Teredo server
    ['2001::/32', '2001:0:808:808::f5ff:fffe', '2001:0:808:808::f7f7:f7f7'], // client 10.0.0.1, inverted
    ['::/96', '::7f00:1', '::808:808'],
    ['::ffff:0:0:0/96', '::ffff:0:7f00:1', '::ffff:0:808:808'],
  ])('judges by the address inside even where %s is allowed: not %s, but %s', (allowed, refused, passing) => {
    const lenient = createAddressGuard({ ownAddresses, allowRanges: [allowed] })
    expect(lenient.judge(refused)).not.toBeNull()
    if (passing !== null) expect(lenient.judge(passing)).toBeNull()
  })

  it('obeys allowed, added and denied ranges; denying wins', () => {
    const own = createAddressGuard({
      ownAddresses,
      allowRanges: ['10.0.0.0/8', '9.9.9.9'],
      denyRanges: ['10.1.0.0/16'],
    })
    expect(own.judge('10.0.0.1')).toBeNull()
    expect(own.judge('::ffff:10.0.0.1')).toBeNull()
    expect(own.judge('9.9.9.9')).toBeNull()
    expect(own.judge('10.1.0.1')).toContain('denied')
    expect(own.judge('::ffff:10.1.0.1')).toContain('denied')
    expect(own.judge('2600::5efe:a01:1')).toContain('denied')
    expect(own.judge('192.168.0.1')).not.toBeNull()
    expect(own.judge('192.168.0.1', ['192.168.0.0/24'])).toBeNull()
    expect(own.judge('192.168.1.1', ['192.168.0.0/24'])).not.toBeNull()
    expect(own.judge('10.0.0.1', ['192.168.0.0/24'])).toBeNull()
    expect(own.judge('10.1.0.1', ['10.0.0.0/8'])).toContain('denied')
    expect(createAddressGuard({ denyRanges: ['8.8.8.0/24'] }).judge('8.8.8.8')).toContain('denied')
  })

  it('knows this machine', () => {
    expect(createAddressGuard().judge('127.0.0.1')).toContain('loopback')
  })
})

describe('ranges', () => {
  it.each(['0.0.0.0/0', '10.0.0.0/8', '10.0.0.1', '10.0.0.1/32', '::/0', 'fd00::/8', 'fd00::1', '2001:db8::/33'])(
    'may be %s',
    (range) => {
      expect(() => createAddressGuard({ allowRanges: [range], denyRanges: [range] })).not.toThrow()
    },
  )

  it.each([
    '',
    '/8',
    '10.0.0.0/33',
    '10.0.0.0/-1',
    '10.0.0.0/',
    '10.0.0.0/8/8',
    '10.0.0.0/8.0',
    '10/8',
    '10.0.0.1/8',
    '010.0.0.0/8',
    'fd00::1/8',
    'fd00::/129',
    'fe80::1%eth0',
    '::ffff:10.0.0.0/104',
    'localhost',
    '*',
    7 as unknown as string,
  ])('may not be %j', (range) => {
    const make = () => createAddressGuard({ denyRanges: ['10.0.0.0/8', range] })
    expect(make).toThrow(ArgumentError)
    expect(make).toThrow('options.network.denyRanges[1]')
    expect(() => guard.judge('10.0.0.1', [range])).toThrow('endpoint.allowRanges[0]')
  })
})

describe('checkUrl', () => {
  it.each([
    ['https://example.com', 'example.com'],
    ['https://example.com./hooks?a=b', 'example.com.'],
    ['https://EXAMPLE.com:8443/', 'example.com'],
    ['https://bücher.example/', 'xn--bcher-kva.example'],
    ['https://fcbarcelona.com', 'fcbarcelona.com'],
    ['https://fd.example.com', 'fd.example.com'],
    ['https://10.example.com', '10.example.com'],
    ['https://127.0.0.1.example.com', '127.0.0.1.example.com'],
    ['https://localhost.example.com', 'localhost.example.com'],
    ['https://notlocalhost/', 'notlocalhost'],
    ['https://8.8.8.8/', '8.8.8.8'],
    ['https://[2606:4700::1111]/', '[2606:4700::1111]'],
    [`https://example.com/${'a'.repeat(2_028)}`, 'example.com'],
  ])('lets %s pass', (input, hostname) => {
    expect(guard.checkUrl(input).url.hostname).toBe(hostname)
  })

  it.each([
    'http://example.com',
    'ftp://example.com',
    'javascript:alert(1)',
    'data:text/plain,hello',
    'file:///etc/passwd',
    'wss://example.com',
    '//example.com',
    'example.com',
    '',
    'https://',
    'https://user@example.com',
    'https://user:pass@example.com',
    'https://:pass@example.com',
    'https://example.com:0/',
    'https://example.com:65536/',
    'https://example.com/a\r\nx-evil: 1',
    'https://exam\nple.com/',
    'https://example.com/\ta',
    'https://example.com/\0',
    '\u0001https://example.com/',
    `https://example.com/${'a'.repeat(2_029)}`,
    `https://example.com/${'ü'.repeat(1_000)}`,
    'https://example .com/',
    'https://256.256.256.256/',
    'https://1.2.3.4.5/',
    'https://[::1',
    'https://[fe80::1%25eth0]/',
    42 as unknown as string,
    null as unknown as string,
    new URL('https://example.com') as unknown as string,
  ])('refuses %j as invalid', (input) => {
    expect(codeOf(() => guard.checkUrl(input))).toBe('endpoint_url_invalid')
  })

  it.each([
    'https://127.0.0.1/',
    'https://127.0.0.1./',
    'https://2130706433/',
    'https://0x7f000001/',
    'https://0x7f.1/',
    'https://017700000001/',
    'https://0177.0.0.1/',
    'https://127.1/',
    'https://0/',
    'https://0.0.0.0/',
    'https://１２７.０.０.１/',
    'https://127。0。0。1/',
    'https://①⑥⑨.254.169.254/',
    'https://%31%32%37.0.0.1/',
    'https://169.254.169.254/latest/meta-data/',
    'https://168.63.129.16/',
    'https://[::]/',
    'https://[::1]/',
    'https://[::ffff:127.0.0.1]/',
    'https://[::ffff:7f00:1]/',
    'https://[64:ff9b::7f00:1]/',
    'https://[2002:7f00:1::]/',
    'https://[fd00:ec2::254]/',
    'https://9.9.9.9/',
    'https://localhost/',
    'https://LOCALHOST./',
    'https://app.localhost:3000/',
    'https:\\\\127.0.0.1\\',
    'https:127.0.0.1',
  ])('refuses %s as blocked', (input) => {
    expect(codeOf(() => guard.checkUrl(input))).toBe('endpoint_address_blocked')
  })

  it('lets http and private addresses pass where the operator says so', () => {
    const open = createAddressGuard({ allowHttp: true, allowRanges: ['127.0.0.0/8', '::1'] })
    expect(open.checkUrl('http://127.0.0.1:3000/').url.port).toBe('3000')
    expect(open.checkUrl('http://localhost:3000/').url.hostname).toBe('localhost')
    expect(open.checkUrl('http://10.0.0.1/', ['10.0.0.0/8']).url.hostname).toBe('10.0.0.1')
    expect(codeOf(() => open.checkUrl('http://10.0.0.1/'))).toBe('endpoint_address_blocked')
  })

  it('says what to do next', () => {
    expect(() => guard.checkUrl('https://10.0.0.1/')).toThrow(/10\.0\.0\.1 is blocked \(private.*network\.allowRanges/)
    expect(() => guard.checkUrl('http://example.com/')).toThrow(/network\.allowHttp/)
  })
})

it('judges anew what it has parsed before', () => {
  const own = new Set<string>()
  const guard = createAddressGuard({ ownAddresses: () => own })
  expect(guard.judge('8.8.8.8')).toBeNull()
  expect(guard.checkUrl('https://8.8.8.8/').url.hostname).toBe('8.8.8.8')
  own.add('8.8.8.8')
  expect(guard.judge('8.8.8.8')).toContain('this host')
  expect(() => guard.checkUrl('https://8.8.8.8/')).toThrow()
})
