import { hash } from 'node:crypto';

/** A virtual key as LiteLLM stores and reports it: a secret `sk-…` by its SHA-256, anything else unchanged. */
export function keyHash(key: string): string {
  return key.startsWith('sk-') ? hash('sha256', key, 'hex') : key;
}
