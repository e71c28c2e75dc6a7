// The router answers 404 to every method that a path is not served under; HTTP wants 405 and the methods that it is.
import type { FastifyRequest } from 'fastify'
import { registeredRoutes } from './registered-routes.js'

/** The methods of the routes that this URL fits; none for a path that no route serves. */
export function offeredMethods({ server, url }: Pick<FastifyRequest, 'server' | 'url'>): string[] {
  const path = url.split('?')[0] ?? ''
  const fitting = registeredRoutes(server).filter((route) => fits(route.url, path))
  const methods = new Set(fitting.map(({ method }) => method))
  if (methods.has('GET')) methods.add('HEAD')
  return [...methods].toSorted()
}

function fits(pattern: string, path: string): boolean {
  const [wanted, given] = [pattern.split('/'), path.split('/')]
  if (wanted.at(-1) === '*') return given.length >= wanted.length && wanted.slice(0, -1).every(fitsSegment)
  return given.length === wanted.length && wanted.every(fitsSegment)

  function fitsSegment(segment: string, place: number): boolean {
    return segment.startsWith(':') ? given[place] !== '' : segment === given[place]
  }
}
