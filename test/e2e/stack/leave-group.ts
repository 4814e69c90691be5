import { once } from 'node:events';
import { connect } from 'node:net';

const LEAVE_GROUP = 13;
const VERSION = 1;
const CORRELATION_ID = 1;
const ANSWER_TIMEOUT_MS = 5_000;

/**
 * Tells the group's coordinator that a member has left. Kafka lets anybody say it of anybody, and its own tools do;
 * kafkajs does not offer it. The tests' Kafka has one node, which is the coordinator of every group.
 */
export async function leaveGroup(of: {
  readonly brokers: string;
  readonly group: string;
  readonly memberId: string;
}): Promise<void> {
  const [host = '127.0.0.1', port = '9092'] = (of.brokers.split(',')[0] ?? '').split(':');
  const socket = connect({ host, port: Number(port), timeout: ANSWER_TIMEOUT_MS });
  socket.on('timeout', () => socket.destroy(new Error('Kafka did not answer LeaveGroup')));
  try {
    const header = Buffer.alloc(8);
    header.writeInt16BE(LEAVE_GROUP, 0);
    header.writeInt16BE(VERSION, 2);
    header.writeInt32BE(CORRELATION_ID, 4);
    const request = Buffer.concat([header, text('spendgate-e2e'), text(of.group), text(of.memberId)]);
    const length = Buffer.alloc(4);
    length.writeInt32BE(request.length);
    socket.write(Buffer.concat([length, request]));
    await once(socket, 'data');
  } finally {
    socket.destroy();
  }
}

/** Kafka's STRING: the length in two bytes, then UTF-8. */
function text(value: string): Buffer {
  const bytes = Buffer.from(value, 'utf8');
  const length = Buffer.alloc(2);
  length.writeInt16BE(bytes.length);
  return Buffer.concat([length, bytes]);
}
