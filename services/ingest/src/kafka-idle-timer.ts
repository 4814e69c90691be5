import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);
const METHOD = 'scheduleCheckPendingRequests';

/**
 * Stops a timer that kafkajs 2.2.4 runs every millisecond on each connection, also when nothing waits
 * to be sent: it cost a tenth of a core, and Node 24 warns of its negative delay
 * (github.com/tulios/kafkajs/issues/1751). With something waiting, kafkajs' own method runs as before.
 * Returns whether kafkajs is the one we know; safe to repeat.
 */
export function stopKafkaIdleTimer(): boolean {
  const queue: unknown = require('kafkajs/src/network/requestQueue/index.js');
  const prototype: unknown = typeof queue === 'function' ? queue.prototype : undefined;
  if (!isObject(prototype)) return false;
  const schedule: unknown = Reflect.get(prototype, METHOD);
  if (typeof schedule !== 'function') return false;
  if (patched.has(schedule)) return true;
  const scheduleIfPending = function (this: unknown): void {
    const pending: unknown = isObject(this) ? Reflect.get(this, 'pending') : undefined;
    if (Array.isArray(pending) && pending.length === 0) return;
    Reflect.apply(schedule, this, []);
  };
  patched.add(scheduleIfPending);
  return Reflect.set(prototype, METHOD, scheduleIfPending);
}

const patched = new WeakSet<object>();

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}
