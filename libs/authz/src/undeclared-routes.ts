// Finds routes that forgot to say whom they serve: Nest's handlers without a declaration, and routes that were put into
// Fastify past Nest, where no guard runs.
import { RequestMethod, type INestApplication } from '@nestjs/common'
import { METHOD_METADATA, PATH_METADATA } from '@nestjs/common/constants.js'
import { HttpAdapterHost, ModulesContainer } from '@nestjs/core'
import { registeredRoutes, ROUTE_REQUIREMENT } from '@careseal/service-kit'

/** `METHOD /path` of each route without `@Requires` or `@Public`, and of each that no guard sees. */
export function undeclaredRoutes(app: INestApplication): string[] {
  return undeclaredAmong(app.get(ModulesContainer), app.get(HttpAdapterHost).httpAdapter.getInstance())
}

export function undeclaredAmong(modules: ModulesContainer, fastify: object): string[] {
  const routes = [...modules.values()].flatMap((module) =>
    [...module.controllers.values()].flatMap(({ metatype }) => routesOf(metatype as Controller)),
  )
  const guarded = new Set(routes.flatMap(({ paths }) => paths))
  const past = registeredRoutes(fastify).filter(({ url, open }) => !open && !guarded.has(url))
  const silent = routes.filter(({ declared }) => !declared)
  return [
    ...silent.flatMap(({ method, paths }) => paths.map((path) => `${method} ${path}`)),
    ...past.map(({ method, url }) => `${method} ${url} (past the guard)`),
  ]
}

type Controller = abstract new (...args: never[]) => object
type Route = { method: string; paths: string[]; declared: boolean }

function routesOf(controller: Controller): Route[] {
  const prefixes = pathsOf(controller)
  const declaredByClass = Reflect.hasMetadata(ROUTE_REQUIREMENT, controller)
  return handlersOf(controller).map((handler) => ({
    method: RequestMethod[Reflect.getMetadata(METHOD_METADATA, handler) as number] ?? 'ALL',
    paths: prefixes.flatMap((prefix) => pathsOf(handler).map((path) => join(prefix, path))),
    declared: declaredByClass || Reflect.hasMetadata(ROUTE_REQUIREMENT, handler),
  }))
}

function handlersOf(controller: Controller): object[] {
  const found: object[] = []
  for (let type = controller.prototype as object; type !== Object.prototype; type = Object.getPrototypeOf(type)) {
    for (const { value } of Object.values(Object.getOwnPropertyDescriptors(type))) {
      if (typeof value === 'function' && Reflect.hasMetadata(METHOD_METADATA, value as object)) found.push(value)
    }
  }
  return found
}

function pathsOf(target: object): string[] {
  return [(Reflect.getMetadata(PATH_METADATA, target) as string | string[] | undefined) ?? '/'].flat()
}

function join(prefix: string, path: string): string {
  const joined = `/${prefix}/${path}`.replace(/\/+/g, '/')
  return joined.length > 1 ? joined.replace(/\/$/, '') : joined
}
