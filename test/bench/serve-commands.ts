import { z } from 'zod';

export type CommandHandlers = Readonly<Record<string, (payload: unknown) => Promise<unknown>>>;

const command = z.object({ name: z.string(), payload: z.unknown() });

/** The worker's side of `startWorkerProcess`: answers each command once it is done, and ends with its parent. */
export function serveCommands(handlers: CommandHandlers): void {
  process.on('message', (message) => {
    void answerCommand(handlers, message);
  });
  process.once('disconnect', () => process.exit(0));
  process.send?.('ready');
}

async function answerCommand(handlers: CommandHandlers, message: unknown): Promise<void> {
  try {
    const { name, payload } = command.parse(message);
    const handler = handlers[name];
    if (handler === undefined) throw new Error(`there is no command ${name}`);
    process.send?.({ ok: (await handler(payload)) ?? null });
  } catch (error) {
    process.send?.({ error: error instanceof Error ? (error.stack ?? error.message) : String(error) });
  }
}
