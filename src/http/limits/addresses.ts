import type { IncomingMessage } from 'node:http';
import { isIPv4, isIPv6 } from 'node:net';
import { LRUCache } from 'lru-cache';

const GROUPS = 8;
/** The first 64 bits of an IPv6 address: the part that one customer usually has. */
const CUSTOMER_GROUPS = 4;
const MAPPED = '0:0:0:0:0:ffff';
/** `192.0.2.7:51234` or `[2001:db8::1]:51234`: some proxies write the client's port behind its address. */
const WITH_PORT = /^(?:\[([^\]]+)\](?::\d{1,5})?|(\d{1,3}(?:\.\d{1,3}){3}):\d{1,5})$/;
/** IPv6 may write its last 32 bits as IPv4. */
const DOTTED_END = /\d+\.\d+\.\d+\.\d+$/;
/** The addresses of an `X-Forwarded-For` that are looked at; the nearest proxies write the last ones. */
const FORWARDED_MAX = 40;

const hex = (group: string): string => Number.parseInt(group, 16).toString(16);

/** The eight groups of an IPv6 address, in their shortest form. */
function groupsOf(address: string): string[] {
  const text = address.replace(DOTTED_END, (dotted) => {
    const [a, b, c, d] = dotted.split('.').map(Number) as [number, number, number, number];
    return `${(a * 256 + b).toString(16)}:${(c * 256 + d).toString(16)}`;
  });
  const [head = '', tail] = text.split('::');
  const left = head === '' ? [] : head.split(':');
  const right = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = tail === undefined ? 0 : GROUPS - left.length - right.length;
  return [...left, ...Array.from({ length: zeros }, () => '0'), ...right].map(hex);
}

/**
 * One text for each address: without port, brackets and zone; IPv4 in the form of IPv6 as IPv4; IPv6 as eight short groups.
 * Undefined when the text is no address.
 */
export function canonicalAddress(text: string): string | undefined {
  if (isIPv4(text)) return text;
  const trimmed = text.trim();
  const [, bracketed, withPort] = WITH_PORT.exec(trimmed) ?? [];
  const bare = (bracketed ?? withPort ?? trimmed).split('%')[0]!;
  if (isIPv4(bare)) return bare;
  if (!isIPv6(bare)) return undefined;
  const groups = groupsOf(bare);
  if (groups.slice(0, 6).join(':') !== MAPPED) return groups.join(':');
  const bytes = groups.slice(6).flatMap((group) => {
    const value = Number.parseInt(group, 16);
    return [value >> 8, value & 255];
  });
  return bytes.join('.');
}

/** The most addresses whose network is remembered: each request asks for one, and parsing takes some microseconds. */
const NETWORKS_KNOWN_MAX = 10_000;
const networks = new LRUCache<string, string>({ max: NETWORKS_KNOWN_MAX });

/** The part of an address that one customer usually has: an IPv4 address, or the first 64 bits of an IPv6 address. */
export function networkOf(address: string): string {
  const known = networks.get(address);
  if (known !== undefined) return known;
  const network = networkIn(address);
  networks.set(address, network);
  return network;
}

function networkIn(address: string): string {
  const canonical = canonicalAddress(address);
  if (canonical?.includes(':') !== true) return canonical ?? address;
  return `${canonical.split(':', CUSTOMER_GROUPS).join(':')}::/64`;
}

/** Express's compiled setting `trust proxy`: whether the proxy at this address, so many hops away, is believed. */
export type Trust = (address: string, hop: number) => boolean;

/**
 * The client's address: the nearest one that is not a trusted proxy's. A trusted proxy is believed only when it names an
 * address. For anything else the client is the proxy itself, so that invented names do not get a count of their own each.
 */
export function clientAddress({ socket, headers }: IncomingMessage, trust: Trust): string {
  let client = canonicalAddress(socket.remoteAddress ?? '') ?? '';
  const forwarded = headers['x-forwarded-for'];
  if (forwarded === undefined) return client;
  const names = String(forwarded).split(',').slice(-FORWARDED_MAX).reverse();
  for (const [hop, name] of names.entries()) {
    if (!trust(client, hop)) return client;
    const next = canonicalAddress(name);
    if (next === undefined) return client;
    client = next;
  }
  return client;
}
