import { gzipSync, zstdCompressSync } from 'node:zlib';
import { CompressionCodecs, CompressionTypes } from 'kafkajs';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { findUnreadable, registerKafkaCodecs } from './kafka-codecs.ts';

registerKafkaCodecs();

type Packed = 'GZIP' | 'ZSTD' | 'Snappy' | 'LZ4';
type Unpack = (packed: Buffer) => Promise<Buffer>;

const codecSchema = z.object({ decompress: z.custom<Unpack>((value) => typeof value === 'function') });
const unpack = async (codec: Packed, packed: Buffer): Promise<Buffer> =>
  codecSchema.parse(CompressionCodecs[CompressionTypes[codec]]()).decompress(packed);

/** What kafkajs would make of the first record: the batch begins at offset 7. */
const firstRecord = (records: Buffer) => ({
  offset: String(7 + 2 ** 28),
  value: Buffer.from(records.subarray(10, 19)),
});
const bomb = Buffer.alloc(129 * 1_024 * 1_024);

describe('packed record batches', () => {
  it('are unpacked from gzip and zstd', async () => {
    expect((await unpack('GZIP', gzipSync('records'))).toString()).toBe('records');
    expect((await unpack('ZSTD', zstdCompressSync('records'))).toString()).toBe('records');
  });

  it.each([
    ['snappy', 'Snappy', Buffer.of(1), 'packed with snappy'],
    ['lz4', 'LZ4', Buffer.of(1), 'packed with lz4'],
    ['damaged gzip', 'GZIP', Buffer.of(1), 'damaged'],
    ['damaged zstd', 'ZSTD', Buffer.of(1), 'damaged'],
    ['too much gzip', 'GZIP', gzipSync(bomb), 'more than 128 MiB'],
    ['too much zstd', 'ZSTD', zstdCompressSync(bomb), 'more than 128 MiB'],
  ] as const)('of %s are told by a stand-in with reason and offset', async (_what, codec, packed, reason) => {
    expect(findUnreadable(firstRecord(await unpack(codec, packed)))).toEqual({
      reason: expect.stringContaining(reason),
      offset: '7',
    });
  });

  it.each([null, Buffer.alloc(0), Buffer.alloc(9), Buffer.from('{"id":1}!')])(
    'are not mistaken for other messages',
    (value) => {
      expect(findUnreadable({ offset: '1', value })).toBeUndefined();
    },
  );
});
