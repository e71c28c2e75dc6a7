// What Fastify really serves, whoever put it there.
import type { FastifyInstance } from 'fastify'

/** `open` marks a route of the kit's own that needs no guard (the OpenAPI document). */
export type RegisteredRoute = { method: string; url: string; open: boolean }

const routes = new WeakMap<object, RegisteredRoute[]>()
const OPEN = /^\/[\w-]+\/openapi\.json$/

/** Starts to remember the routes of an instance; must run before the first is added. */
export function rememberRoutes(fastify: FastifyInstance): void {
  const known: RegisteredRoute[] = []
  routes.set(fastify, known)
  fastify.addHook('onRoute', ({ method, url }) => {
    for (const each of [method].flat()) {
      // Fastify answers HEAD for each GET by itself, behind the same guard.
      if (each !== 'HEAD') known.push({ method: each, url, open: OPEN.test(url) })
    }
  })
}

/** Every route that was added to the Fastify instance of an application made by the kit. */
export function registeredRoutes(fastify: object): readonly RegisteredRoute[] {
  return routes.get(fastify) ?? []
}
