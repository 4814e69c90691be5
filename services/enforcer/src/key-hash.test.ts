import { expect, it } from 'vitest';
import { keyHash } from './key-hash.ts';

it('hashes a secret key as LiteLLM does', () => {
  expect(keyHash('sk-1234')).toBe('88dc28d0f030c55ed4ab77ed8faf098196cb1c05df778539800c9f1243fe6b4b');
});

it('leaves a hash and a name as they are', () => {
  expect(keyHash('88dc28d0')).toBe('88dc28d0');
  expect(keyHash('litellm_proxy_master_key')).toBe('litellm_proxy_master_key');
});
