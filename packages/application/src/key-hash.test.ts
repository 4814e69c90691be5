import { expect, it } from 'vitest';
import { keyHash, withoutSecretKey } from './key-hash.ts';

const HASH = '88dc28d0f030c55ed4ab77ed8faf098196cb1c05df778539800c9f1243fe6b4b';

it.each([
  'sk-1234',
  ' sk-1234',
  'sk-1234\n',
  '\t sk-1234 ',
  'Bearer sk-1234',
  ' bearer  sk-1234 ',
  'BEARER\tsk-1234',
])('hashes a secret key as LiteLLM does, however it was pasted: %j', (key) => {
  expect(keyHash(key)).toBe(HASH);
  expect(withoutSecretKey(key)).toBe(HASH);
});

it.each([
  [HASH, HASH],
  [` ${HASH} `, HASH],
  [`Bearer ${HASH}`, HASH],
  ['litellm_proxy_master_key', 'litellm_proxy_master_key'],
  ['', ''],
])('leaves a hash and a name as they are: %j', (key, expected) => {
  expect(keyHash(key)).toBe(expected);
});

it.each(['team key', ' my alias ', 'Bearer of news', 'ask-me', ''])('leaves an alias alone: %j', (alias) => {
  expect(withoutSecretKey(alias)).toBe(alias);
});
