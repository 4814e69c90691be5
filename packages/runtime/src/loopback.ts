import { isIPv4 } from 'node:net';

/** Whether an address to listen on is reachable from this machine only. Names other than localhost are not. */
export function isLoopback(host: string): boolean {
  if (host === 'localhost' || host === '::1' || host === '[::1]') return true;
  return isIPv4(host) && host.startsWith('127.');
}
