import swagger from '@fastify/swagger';
import { jsonSchemaTransform } from 'fastify-type-provider-zod';
import type { Server } from './create-server.ts';

/** Serves `/openapi.json` (OpenAPI 3.1) with every route that is registered as a plugin and has a schema. */
export function registerOpenApi(
  server: Server,
  of: { readonly title: string; readonly version: string },
): void {
  server.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: { title: of.title, version: of.version },
      components: { securitySchemes: { bearer: { type: 'http', scheme: 'bearer' } } },
      security: [{ bearer: [] }],
    },
    transform: jsonSchemaTransform,
  });
  server.get('/openapi.json', { config: { scope: 'none' }, schema: { hide: true } }, async () =>
    server.swagger(),
  );
}
