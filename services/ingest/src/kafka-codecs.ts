import { randomBytes } from 'node:crypto';
import { promisify } from 'node:util';
import zlib from 'node:zlib';
import kafkajs from 'kafkajs';

// Not by name: Node does not see these two names in the CommonJS module.
const { CompressionCodecs, CompressionTypes } = kafkajs;

/** What a record batch may unpack to; brokers take packed ones of up to 1 MiB by default. */
const UNPACKED_MAX_BYTES = 128 * 1_024 * 1_024;
/** Node knows it since 22.15. */
const HAS_ZSTD = 'zstdDecompress' in zlib;

export const READABLE_CODECS = HAS_ZSTD ? 'none, gzip, zstd' : 'none, gzip';

const REASONS = [
  'its records are packed with snappy',
  'its records are packed with lz4',
  'its records are packed with zstd',
  'its records are damaged, or unpack to more than 128 MiB',
] as const;
type Reason = (typeof REASONS)[number];

const SECRET = randomBytes(8);
/** More than any batch has records: such a record is never taken for one before the place asked for. */
const OFFSET_AHEAD = 2 ** 28;
/** Those of a batch cannot be counted here, so there are as many as a batch is ever likely to have. */
const STAND_INS = 500_000;

interface Encoder {
  readonly buffer: Buffer;
}

interface Message {
  readonly offset: string;
  readonly value: Buffer | null;
}

/**
 * Gives kafkajs its codecs: gzip and zstd bounded in size; for all that cannot be unpacked, records that stand in for
 * those of the batch. kafkajs itself would fail the whole fetch without saying where, again and again; a stand-in tells
 * topic, partition and offset, and holds up its partition alone. Holds for the process; safe to repeat.
 */
export function registerKafkaCodecs(): void {
  const bound = { maxOutputLength: UNPACKED_MAX_BYTES };
  const gzip = promisify(zlib.gzip);
  const unzip = promisify(zlib.unzip);
  CompressionCodecs[CompressionTypes.GZIP] = () => ({
    compress: async ({ buffer }: Encoder) => gzip(buffer),
    decompress: orStandIns(async (packed) => unzip(packed, bound)),
  });
  CompressionCodecs[CompressionTypes.ZSTD] = () => (HAS_ZSTD ? zstdCodec() : unreadable(REASONS[2]));
  CompressionCodecs[CompressionTypes.Snappy] = () => unreadable(REASONS[0]);
  CompressionCodecs[CompressionTypes.LZ4] = () => unreadable(REASONS[1]);
}

/** Why the batch of a message cannot be read, and where it begins; undefined for a message that was read. */
export function findUnreadable({ offset, value }: Message): { reason: Reason; offset: string } | undefined {
  if (value?.length !== SECRET.length + 1 || !value.subarray(0, SECRET.length).equals(SECRET))
    return undefined;
  const reason = REASONS[value[SECRET.length] ?? -1];
  return reason === undefined
    ? undefined
    : { reason, offset: (BigInt(offset) - BigInt(OFFSET_AHEAD)).toString() };
}

function zstdCodec() {
  const compress = promisify(zlib.zstdCompress);
  const decompress = promisify(zlib.zstdDecompress);
  return {
    compress: async ({ buffer }: Encoder) => compress(buffer),
    decompress: orStandIns(async (packed) => decompress(packed, { maxOutputLength: UNPACKED_MAX_BYTES })),
  };
}

function orStandIns(unpack: (packed: Buffer) => Promise<Buffer>) {
  return async (packed: Buffer): Promise<Buffer> => {
    try {
      return await unpack(packed);
    } catch {
      // The reason is told with the place, which is not known here.
      return standIns(REASONS[3]);
    }
  };
}

function unreadable(reason: Reason) {
  return {
    compress: async () => Promise.reject(new Error(`Records can be packed with ${READABLE_CODECS} only.`)),
    decompress: async () => Promise.resolve(standIns(reason)),
  };
}

const made = new Map<Reason, Buffer>();

function standIns(reason: Reason): Buffer {
  const known = made.get(reason) ?? makeStandIns(reason);
  made.set(reason, known);
  return known;
}

/** Kafka's record format, version 2: length, attributes, time delta, offset delta, no key, value, no headers. */
function makeStandIns(reason: Reason): Buffer {
  const value = Buffer.concat([SECRET, Buffer.of(REASONS.indexOf(reason))]);
  const body = Buffer.concat([
    Buffer.of(0, 0),
    varint(OFFSET_AHEAD),
    varint(-1),
    varint(value.length),
    value,
    Buffer.of(0),
  ]);
  const record = Buffer.concat([varint(body.length), body]);
  return Buffer.alloc(record.length * STAND_INS, record);
}

/** Zigzag: the sign in the lowest bit, then seven bits a byte, least first. */
function varint(value: number): Buffer {
  const bytes: number[] = [];
  let left = value < 0 ? -2 * value - 1 : 2 * value;
  while (left > 0x7f) {
    bytes.push((left % 0x80) + 0x80);
    left = Math.floor(left / 0x80);
  }
  return Buffer.from([...bytes, left]);
}
