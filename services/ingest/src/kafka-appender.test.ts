import { EventStreamUnavailable } from '@spendgate/domain';
import { expect, it } from 'vitest';
import { createKafkaAppender } from './kafka-appender.ts';

const record = { key: null, value: '{}' };

/** Producers whose sends wait to be answered. */
function createBroker() {
  const producers: { readonly answers: PromiseWithResolvers<[]>[]; connected: boolean }[] = [];
  const kafka = {
    producer: () => {
      const producer = { answers: new Array<PromiseWithResolvers<[]>>(), connected: false };
      producers.push(producer);
      return {
        connect: async () => {
          producer.connected = true;
        },
        disconnect: async () => {
          producer.connected = false;
        },
        send: async () => {
          const answer = Promise.withResolvers<[]>();
          producer.answers.push(answer);
          return answer.promise;
        },
      };
    },
  };
  const appender = createKafkaAppender(kafka, { topic: 'events', ensureTopic: async () => undefined });
  return { appender, producers };
}

it('lets appends that fail late on a lost connection leave the next connection alone', async () => {
  const { appender, producers } = createBroker();
  const [first, second] = [appender.append([record]), appender.append([record])];
  await expect.poll(() => producers[0]?.answers.length).toBe(2);
  producers[0]?.answers[0]?.reject(new Error('away'));
  await expect(first).rejects.toThrow(EventStreamUnavailable);
  const third = appender.append([record]);
  await expect.poll(() => producers[1]?.answers.length).toBe(1);
  producers[0]?.answers[1]?.reject(new Error('away'));
  await expect(second).rejects.toThrow(EventStreamUnavailable);
  expect(producers.map(({ connected }) => connected)).toEqual([false, true]);
  producers[1]?.answers[0]?.resolve([]);
  await expect(third).resolves.toBeUndefined();
});

it('disconnects when it is closed, and connects again for whoever appends afterwards', async () => {
  const { appender, producers } = createBroker();
  const first = appender.append([record]);
  await expect.poll(() => producers[0]?.answers.length).toBe(1);
  producers[0]?.answers[0]?.resolve([]);
  await first;
  await appender.close();
  expect(producers.map(({ connected }) => connected)).toEqual([false]);
  const second = appender.append([record]);
  await expect.poll(() => producers[1]?.answers.length).toBe(1);
  producers[1]?.answers[0]?.resolve([]);
  await expect(second).resolves.toBeUndefined();
});
