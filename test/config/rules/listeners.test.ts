import { hostname } from 'node:os';
import { expect, test } from 'vitest';
import { load, onlyProblem } from '../sources.ts';

test('an invalid address is refused', () => {
  expect(onlyProblem({ env: { LISTEN: '4000' } })).toMatchObject({ path: 'server.listen', where: 'environment LISTEN' });
});

test('both listeners on one address are refused', () => {
  expect(onlyProblem({ env: { PORT: '4001' } })).toMatchObject({ path: 'management.listen', where: 'config/default.yaml:31' });
});

test('both on port 0 are fine', () => {
  expect(load({ env: { PORT: '0', MANAGEMENT_LISTEN: '127.0.0.1:0' } }).config.server.listen).toBe('127.0.0.1:0');
});

test('more than one worker is refused, never silently wrong', () => {
  const problem = onlyProblem({ env: { WORKERS: '2' } });
  expect(problem).toMatchObject({ path: 'server.workers', where: 'environment WORKERS' });
  expect(problem.message).toContain('wrong across them');
});

test.each(['10.0.0.0/33', 'fd00::/129', '10.0.0', 'loopback', '10.0.0.0/8/8', '10.0.0.0/'])(
  'security 24: %s is no address to trust',
  (entry) => {
    expect(onlyProblem({ overlay: { server: { trust_proxy: [entry] } } }).message).toContain('neither an IP address nor a CIDR');
  },
);

test('security 24: a CIDR of everybody is refused', () => {
  expect(onlyProblem({ file: 'server: { trust_proxy: [0.0.0.0/0] }\n' }).message).toContain('anybody');
});

test('addresses and CIDRs of both families are fine', () => {
  const trust = ['10.0.0.0/8', '192.168.1.1', 'fd00::/8', '::1'];
  expect(load({ overlay: { server: { trust_proxy: trust } } }).config.server.trust_proxy).toEqual(trust);
});

test.each([
  '*',
  'null',
  'example.com',
  'https://example.com/',
  'https://example.com/a',
  'ftp://example.com',
  'https://EXAMPLE.com',
])('security 25: %s is no CORS origin', (origin) => {
  expect(onlyProblem({ overlay: { server: { cors: { origins: [origin] } } } }).path).toBe('server.cors.origins[0]');
});

test('an origin with a port is fine', () => {
  const origins = ['https://example.com', 'http://localhost:5173'];
  expect(load({ overlay: { server: { cors: { origins } } } }).config.server.cors.origins).toEqual(origins);
});

test.each([
  'http://127.0.0.1:4000/v1',
  'http://localhost:4000',
  'http://[::1]:4000/v1',
  'http://0.0.0.0:4000/v1',
  'http://127.0.0.1:4001/v1',
])('the provider URL %s is one of our own listeners and refused with the reason', (VENDOR_BASE_URL) => {
  const problem = onlyProblem({ env: { VENDOR_API_KEY: 'abc', VENDOR_BASE_URL } });
  expect(problem).toMatchObject({ path: 'providers.vendor.base_url', where: 'environment VENDOR_BASE_URL' });
  expect(problem.hint).toContain('in the application that uses this gateway it means the gateway');
});

test('on a listener for every address, the name of this machine is our own too', () => {
  const env = {
    VENDOR_API_KEY: 'abc',
    VENDOR_BASE_URL: `http://${hostname()}:4000/v1`,
    LISTEN: '0.0.0.0:4000',
    AUTH_MODE: 'none',
  };
  expect(onlyProblem({ env }).path).toBe('providers.vendor.base_url');
});

test('a default port counts', () => {
  const env = { LISTEN: '127.0.0.1:80', VENDOR_API_KEY: 'abc', VENDOR_BASE_URL: 'http://localhost/v1' };
  expect(onlyProblem({ env }).path).toBe('providers.vendor.base_url');
});

test.each(['http://127.0.0.1:8000/v1', 'http://10.0.0.7:4000/v1'])('the provider URL %s is somebody else', (VENDOR_BASE_URL) => {
  expect(load({ env: { VENDOR_API_KEY: 'abc', VENDOR_BASE_URL } }).config.providers.vendor?.base_url).toBe(VENDOR_BASE_URL);
});
