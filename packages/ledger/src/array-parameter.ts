import { LedgerRefusedData } from '@spendgate/domain';

/**
 * PostgreSQL's binary form of one-dimensional arrays. It spares both sides quoting and parsing: see
 * docs/decisions/0002-how-a-batch-reaches-postgresql.md for what that saves.
 */
const HEADER_BYTES = 20;
const EMPTY_HEADER_BYTES = 12;
const LENGTH_BYTES = 4;
const TEXT_OID = 25;
const INTEGER_OID = 23;
const BIGINT_OID = 20;
const TIMESTAMPTZ_OID = 1184;
/** PostgreSQL counts microseconds from 2000-01-01. */
const EPOCH_2000_MS = 946_684_800_000;

/**
 * text[]; null when every value is null, since `unnest` gives nulls for an absent array as well.
 * @throws LedgerRefusedData on a NUL or a lone surrogate, which PostgreSQL cannot store.
 */
export function textArray(values: readonly (string | null)[]): Buffer | null {
  let sizeBytes = HEADER_BYTES;
  let nulls = 0;
  for (const value of values) {
    sizeBytes += LENGTH_BYTES;
    if (value === null) nulls += 1;
    else sizeBytes += checkedByteLength(value);
  }
  if (nulls === values.length && nulls > 0) return null;
  const buffer = Buffer.allocUnsafe(sizeBytes);
  let offset = writeHeader(buffer, { oid: TEXT_OID, length: values.length, hasNulls: nulls > 0 });
  for (const value of values) {
    if (value === null) {
      offset = buffer.writeInt32BE(-1, offset);
    } else {
      const written = buffer.write(value, offset + LENGTH_BYTES);
      buffer.writeInt32BE(written, offset);
      offset += LENGTH_BYTES + written;
    }
  }
  return finish(buffer, values);
}

/** integer[] */
export function integerArray(values: readonly number[]): Buffer {
  const buffer = Buffer.allocUnsafe(HEADER_BYTES + values.length * (LENGTH_BYTES + 4));
  let offset = writeHeader(buffer, { oid: INTEGER_OID, length: values.length, hasNulls: false });
  for (const value of values) {
    offset = buffer.writeInt32BE(4, offset);
    offset = buffer.writeInt32BE(value, offset);
  }
  return finish(buffer, values);
}

/** bigint[]. @throws LedgerRefusedData on a value that needs more than 64 bits. */
export function bigintArray(values: readonly bigint[]): Buffer {
  const buffer = Buffer.allocUnsafe(HEADER_BYTES + values.length * (LENGTH_BYTES + 8));
  let offset = writeHeader(buffer, { oid: BIGINT_OID, length: values.length, hasNulls: false });
  for (const value of values) {
    if (BigInt.asIntN(64, value) !== value) throw new LedgerRefusedData('a number exceeds 64 bits');
    offset = buffer.writeInt32BE(8, offset);
    offset = buffer.writeBigInt64BE(value, offset);
  }
  return finish(buffer, values);
}

/** timestamptz[] of millisecond precision. @throws LedgerRefusedData on an invalid date. */
export function timestampArray(values: readonly (Date | null)[]): Buffer {
  const hasNulls = values.includes(null);
  const buffer = Buffer.allocUnsafe(HEADER_BYTES + values.length * (LENGTH_BYTES + 8));
  let offset = writeHeader(buffer, { oid: TIMESTAMPTZ_OID, length: values.length, hasNulls });
  for (const value of values) {
    if (value === null) {
      offset = buffer.writeInt32BE(-1, offset);
      continue;
    }
    const sinceMs = value.getTime() - EPOCH_2000_MS;
    if (Number.isNaN(sinceMs)) throw new LedgerRefusedData('an invalid date');
    offset = buffer.writeInt32BE(8, offset);
    offset = buffer.writeBigInt64BE(BigInt(sinceMs) * 1000n, offset);
  }
  return finish(buffer.subarray(0, offset), values);
}

/** An array without elements has no dimension, and its header ends before the first one. */
function finish(buffer: Buffer, values: readonly unknown[]): Buffer {
  return values.length === 0 ? buffer.subarray(0, EMPTY_HEADER_BYTES) : buffer;
}

function writeHeader(
  buffer: Buffer,
  of: { readonly oid: number; readonly length: number; readonly hasNulls: boolean },
): number {
  buffer.writeInt32BE(of.length === 0 ? 0 : 1, 0);
  buffer.writeInt32BE(of.hasNulls ? 1 : 0, 4);
  buffer.writeInt32BE(of.oid, 8);
  buffer.writeInt32BE(of.length, 12);
  return buffer.writeInt32BE(1, 16);
}

function checkedByteLength(value: string): number {
  if (!value.isWellFormed() || value.includes('\0')) {
    throw new LedgerRefusedData('a text holds a NUL or a lone surrogate');
  }
  return Buffer.byteLength(value);
}
