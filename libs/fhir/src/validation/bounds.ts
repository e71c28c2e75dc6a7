// How deep and how large a resource may be. Everything that walks over one relies on it, so it is judged first.
import { errorIssue, type Issue } from '../issue.js'

/** Deeper than any example of FHIR, shallow enough for recursive checks. */
const DEPTH_MAX = 100

/**
 * The most values (objects, arrays, primitives) of one resource. A code system with 60,000 concepts has fewer; to
 * validate and commit to so many takes a few seconds at worst, in which this process does nothing else.
 */
export const NODES_MAX = 250_000

/** What is wrong with the depth or the size of any JSON, or undefined. Looks at no more than `NODES_MAX` values. */
export function boundsFault(json: unknown, prefix?: string): Issue | undefined {
  const bound = exceeded(json, NODES_MAX)
  if (bound === 'depth') return errorIssue('structure', 'The resource is nested too deeply.', prefix)
  if (bound === 'nodes') return errorIssue('too-costly', `A resource may hold ${NODES_MAX} values; divide it.`, prefix)
  return undefined
}

/** Whether there are more values than this, of a resource that keeps the bounds; stops counting there. */
export function hasMoreNodesThan(json: unknown, nodesMax: number): boolean {
  return exceeded(json, nodesMax) === 'nodes'
}

/** The bound that is met first, in one walk: one that only counted would run out of stack. */
function exceeded(json: unknown, nodesMax: number): 'depth' | 'nodes' | undefined {
  let nodes = 0
  const visit = (value: unknown, depth: number): 'depth' | 'nodes' | undefined => {
    if (++nodes > nodesMax) return 'nodes'
    if (typeof value !== 'object' || value === null) return undefined
    if (depth === 0) return 'depth'
    for (const member of Object.values(value)) {
      const bound = visit(member, depth - 1)
      if (bound) return bound
    }
    return undefined
  }
  return visit(json, DEPTH_MAX)
}
