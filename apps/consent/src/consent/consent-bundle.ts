import type { JsonObject } from '@careseal/fhir'
import type { Hits } from './consent-reader.js'
import type { StoredConsent } from './consent.service.js'
import { cursorAfter, type SearchParameters } from './consent-search.js'

/** A searchset with the links to itself and to the next page. */
export function searchset({ total, hits, next }: Hits, parameters: SearchParameters, fhirBase: string): JsonObject {
  const url = (more: SearchParameters) => {
    return `${fhirBase}/Consent?${new URLSearchParams(plain({ ...parameters, ...more }))}`
  }
  const self = { relation: 'self', url: url({}) }
  const links = next === null ? [self] : [self, { relation: 'next', url: url({ _cursor: cursorAfter(next) }) }]
  const entry = hits.map(({ consentId, resource }) => ({
    fullUrl: `${fhirBase}/Consent/${consentId}`,
    resource,
    search: { mode: 'match' },
  }))
  return { resourceType: 'Bundle', type: 'searchset', total, link: links, ...(entry.length > 0 ? { entry } : {}) }
}

/** All versions of one consent, the newest first. */
export function historyBundle(versions: readonly StoredConsent[], fhirBase: string): JsonObject {
  const entry = versions.map((version, at) => ({
    fullUrl: `${fhirBase}/Consent/${version.consentId}`,
    resource: version.resource,
    request: { method: at === versions.length - 1 ? 'POST' : 'PUT', url: `Consent/${version.consentId}` },
    response: {
      status: at === versions.length - 1 ? '201' : '200',
      etag: etagOf(version),
      lastModified: version.recordedAt.toISOString(),
    },
  }))
  return { resourceType: 'Bundle', type: 'history', total: versions.length, entry }
}

export function etagOf({ versionId }: Pick<StoredConsent, 'versionId'>): string {
  return `W/"${versionId}"`
}

export function locationOf(version: Pick<StoredConsent, 'consentId' | 'versionId'>, fhirBase: string): string {
  return `${fhirBase}/Consent/${version.consentId}/_history/${version.versionId}`
}

function plain(parameters: SearchParameters): Record<string, string> {
  return Object.fromEntries(Object.entries(parameters).filter(([, value]) => typeof value === 'string')) as never
}
