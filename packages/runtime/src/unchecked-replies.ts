import type { FastifySerializerCompiler } from 'fastify';

/**
 * For a hot route's `serializerCompiler`: writes the reply as it is. The response schema then serves the
 * documentation and the handler's type only, so the handler must build the reply field by field.
 */
export const uncheckedReplies: FastifySerializerCompiler<unknown> = () => (data) => JSON.stringify(data);
