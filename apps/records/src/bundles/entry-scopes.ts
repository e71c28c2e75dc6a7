import { demandFhirScope } from '@careseal/authz'
import type { Caller } from '@careseal/contracts'
import type { BundleEntry } from '@careseal/fhir'

/** Throws 403 unless the token covers what the entry does. */
export function demandEntryScope(caller: Caller, { method, type, id }: BundleEntry): void {
  if (method === 'GET') demandFhirScope(caller, id === undefined || id === '_search' ? 's' : 'r', type)
  else demandFhirScope(caller, ({ POST: 'c', PUT: 'u', DELETE: 'd' } as const)[method], type)
}
