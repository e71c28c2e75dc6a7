import { rangeSatisfies } from '../dates.js'
import { localReference } from '../compartment.js'
import type { Resource } from '../resource.js'
import type { SearchQuery, TokenTerm } from './parse.js'
import { extractIndex, type Token } from './values.js'

/** Whether a decrypted resource satisfies the whole query: the one place where a search is decided. */
export function matchesSearch(resource: Resource, query: SearchQuery): boolean {
  if (resource.resourceType !== query.type) return false
  if (query.ids && !query.ids.includes(String(resource.id))) return false
  const values = extractIndex(resource)
  return (
    concernsPatients(values.references, query) &&
    tokensSatisfy(values.code, query.code) &&
    tokensSatisfy(values.category, query.category) &&
    query.date.every((any) =>
      any.some(({ prefix, range }) => values.date.some((target) => rangeSatisfies(target, prefix, range))),
    )
  )
}

function tokensSatisfy(found: Token[], terms: TokenTerm[][]): boolean {
  return terms.every((any) => any.some((term) => found.some((token) => tokenMatches(token, term))))
}

function concernsPatients(references: string[], { patientIds }: SearchQuery): boolean {
  if (!patientIds) return true
  return references.some((reference) => patientIds.includes(localReference(reference, 'Patient') ?? ''))
}

/** Codes compare case-sensitively, as the code systems in use here do. */
export function tokenMatches(token: Token, term: TokenTerm): boolean {
  if (term.code !== undefined && term.code !== token.code) return false
  if (term.system === undefined) return true
  return term.system === null ? token.system === undefined : token.system === term.system
}
