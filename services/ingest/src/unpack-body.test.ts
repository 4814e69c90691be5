import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { unpackBody } from './unpack-body.ts';

const limitBytes = 1_000;

describe('unpackBody', () => {
  it.each([undefined, '', 'identity'])('takes a plain body (%s)', async (encoding) => {
    expect(await unpackBody(Buffer.from('{}'), { encoding, limitBytes })).toEqual({
      outcome: 'unpacked',
      text: '{}',
    });
  });

  it.each(['gzip', 'x-gzip', ' GZIP '])('unpacks gzip (%s)', async (encoding) => {
    expect(await unpackBody(gzipSync('[1]'), { encoding, limitBytes })).toEqual({
      outcome: 'unpacked',
      text: '[1]',
    });
  });

  it('takes exactly the limit and no byte more', async () => {
    const full = gzipSync(Buffer.alloc(limitBytes, 'x'));
    const over = gzipSync(Buffer.alloc(limitBytes + 1, 'x'));
    expect(await unpackBody(full, { encoding: 'gzip', limitBytes })).toMatchObject({ outcome: 'unpacked' });
    expect(await unpackBody(over, { encoding: 'gzip', limitBytes })).toEqual({ outcome: 'too_large' });
    expect(await unpackBody(Buffer.alloc(limitBytes + 1), { encoding: undefined, limitBytes })).toEqual({
      outcome: 'too_large',
    });
  });

  it('stops unpacking a small body that would become a huge one', async () => {
    const bomb = gzipSync(Buffer.alloc(60_000_000));
    expect(bomb.length).toBeLessThan(80_000);
    expect(await unpackBody(bomb, { encoding: 'gzip', limitBytes: 1_000_000 })).toEqual({
      outcome: 'too_large',
    });
  });

  it('says when the body is no gzip, cut off, or of an unknown encoding', async () => {
    const whole = gzipSync('[1, 2, 3]');
    expect(await unpackBody(Buffer.from('[1]'), { encoding: 'gzip', limitBytes })).toEqual({
      outcome: 'broken',
    });
    expect(await unpackBody(whole.subarray(0, -4), { encoding: 'gzip', limitBytes })).toEqual({
      outcome: 'broken',
    });
    expect(await unpackBody(whole, { encoding: 'br', limitBytes })).toEqual({ outcome: 'unknown_encoding' });
  });

  it('drops a byte order mark', async () => {
    expect(await unpackBody(Buffer.from('\uFEFF[]'), { encoding: undefined, limitBytes })).toMatchObject({
      text: '[]',
    });
  });
});
