import { expect, it, vi } from 'vitest';
import { createLogger } from '@spendgate/observability';
import { runService } from './run-service.ts';
import type { Life, ProcessHost } from './run-service.ts';

function createHost() {
  const listeners = new Map<string, (error?: unknown) => void>();
  const { promise: exited, resolve } = Promise.withResolvers<number>();
  const codes: number[] = [];
  const host: ProcessHost = {
    on: (event: string, listener: (error?: unknown) => void) => listeners.set(event, listener),
    exit: (code) => {
      codes.push(code);
      resolve(code);
    },
  };
  return { host, exited, codes, emit: (event: string, error?: unknown) => listeners.get(event)?.(error) };
}

const quiet = () => {
  const lines: string[] = [];
  return {
    lines,
    logger: createLogger({ service: 'test', level: 'info' }, { write: (line) => void lines.push(line) }),
  };
};

it.each(['SIGTERM', 'SIGINT'])(
  'on %s closes what it owns, last-opened first, and exits with 0',
  async (signal) => {
    const { host, exited, emit } = createHost();
    const closed: string[] = [];
    await runService(
      'test',
      async (life) => {
        life.configure({ logger: quiet().logger });
        life.own('redis', 'redis', async (name) => closed.push(name));
        life.own('http', 'http', async (name) => closed.push(name));
      },
      host,
    );
    emit(signal);
    expect(await exited).toBe(0);
    expect(closed).toEqual(['http', 'redis']);
  },
);

it('closes one thing only when the one opened after it has closed', async () => {
  const { host, exited, emit } = createHost();
  const order: string[] = [];
  const { promise: answered, resolve: answer } = Promise.withResolvers<void>();
  await runService(
    'test',
    async (life) => {
      life.configure({ logger: quiet().logger });
      life.own('redis', 1, () => order.push('redis closed'));
      life.own('http', 1, async () => {
        order.push('http closing');
        await answered;
        order.push('http closed');
      });
    },
    host,
  );
  emit('SIGTERM');
  await vi.waitFor(() => expect(order).toEqual(['http closing']));
  answer();
  await exited;
  expect(order).toEqual(['http closing', 'http closed', 'redis closed']);
});

it('says that it is stopping from the first signal on', async () => {
  const { host, exited, emit } = createHost();
  const lives: Life[] = [];
  await runService(
    'test',
    async (life) => {
      life.configure({ logger: quiet().logger });
      lives.push(life);
    },
    host,
  );
  expect(lives[0]?.stopping).toBe(false);
  emit('SIGTERM');
  expect(lives[0]?.stopping).toBe(true);
  await exited;
});

it('exits with 1 when closing takes longer than the deadline', async () => {
  const { host, exited, emit } = createHost();
  const { lines, logger } = quiet();
  await runService(
    'test',
    async (life) => {
      life.configure({ logger, shutdownTimeoutMs: 20 });
      life.own('stuck', 1, () => new Promise(() => {}));
    },
    host,
  );
  emit('SIGTERM');
  expect(await exited).toBe(1);
  expect(lines.join('')).toContain('"name":"stuck"');
});

it('goes on closing when one close fails, and exits with 1', async () => {
  const { host, exited, emit } = createHost();
  const closed: string[] = [];
  await runService(
    'test',
    async (life) => {
      life.configure({ logger: quiet().logger });
      life.own('first', 1, () => closed.push('first'));
      life.own('second', 1, () => {
        throw new Error('x');
      });
    },
    host,
  );
  emit('SIGTERM');
  expect(await exited).toBe(1);
  expect(closed).toEqual(['first']);
});

it('exits at once on a second signal', async () => {
  const { host, codes, emit } = createHost();
  await runService(
    'test',
    async (life) => {
      life.configure({ logger: quiet().logger });
      life.own('stuck', 1, () => new Promise(() => {}));
    },
    host,
  );
  emit('SIGTERM');
  emit('SIGTERM');
  expect(codes).toEqual([1]);
});

it('closes what is open and exits with 1 when the start fails', async () => {
  const { host, exited } = createHost();
  const closed: string[] = [];
  await runService(
    'test',
    async (life) => {
      life.configure({ logger: quiet().logger });
      life.own('redis', 1, () => closed.push('redis'));
      throw new Error('PORT must be a number');
    },
    host,
  );
  expect(await exited).toBe(1);
  expect(closed).toEqual(['redis']);
});

it.each(['uncaughtException', 'unhandledRejection'])('logs an %s and exits with 1', async (event) => {
  const { host, exited, emit } = createHost();
  const { lines, logger } = quiet();
  await runService('test', async (life) => life.configure({ logger }), host);
  emit(event, new Error('lost'));
  expect(await exited).toBe(1);
  expect(lines.join('')).toContain('lost');
});
