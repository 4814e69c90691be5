import type { FastifyReply, onRequestHookHandler, RouteOptions } from 'fastify';
import type { Logger } from '@spendgate/observability';
import type { Server } from './create-server.ts';
import { grants } from './tokens.ts';
import type { Tokens, TokenScope } from './tokens.ts';

/**
 * Checks tokens before a body is read. The hook is put on each route that asks for a scope, so that open
 * routes pay nothing and a route that forgot its scope fails at start instead of standing open.
 * @throws Error - when a route without a scope is registered.
 */
export function requireScopes(
  server: Server,
  of: { readonly tokens: Tokens; readonly logger: Logger },
): void {
  server.decorateRequest('who', null);
  if (!of.tokens.required) of.logger.warn('AUTH is off: every request is allowed');
  server.addHook('onRoute', (route) => {
    const scope = route.config?.scope;
    if (scope === undefined) throw new Error(`Route ${String(route.method)} ${route.url} has no scope`);
    if (scope !== 'none' && of.tokens.required) addFirst(route, checkToken(of.tokens, scope));
  });
}

function checkToken(tokens: Tokens, scope: TokenScope): onRequestHookHandler {
  return (request, reply, done) => {
    const holder = tokens.find(request.headers.authorization);
    if (holder === undefined) {
      refuseUnknown(reply);
      return;
    }
    if (!grants(holder.scope, scope)) {
      refuseScope(reply, scope);
      return;
    }
    request.who = holder.name;
    done();
  };
}

function refuseUnknown(reply: FastifyReply): void {
  reply
    .code(401)
    .header('www-authenticate', 'Bearer')
    .type('application/json')
    .serializer(JSON.stringify)
    .send({ error: { message: 'A valid token is required.', type: 'unauthorized' } });
}

function refuseScope(reply: FastifyReply, scope: TokenScope): void {
  reply
    .code(403)
    .type('application/json')
    .serializer(JSON.stringify)
    .send({ error: { message: `This needs a token with the scope "${scope}".`, type: 'forbidden' } });
}

function addFirst(route: RouteOptions, hook: onRequestHookHandler): void {
  const given = route.onRequest ?? [];
  route.onRequest = [hook, ...(Array.isArray(given) ? given : [given])];
}
