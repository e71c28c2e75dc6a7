import { observationResource, patientResource } from '@careseal/testing'
import type { Answer, Loose, World } from './world.js'

/** Requests that nearly every test makes, as the client system of a hospital. */
export function shortcuts(world: () => World) {
  const create = (body: object, headers: Record<string, string> = {}): Promise<Answer> =>
    world().call('POST', `/fhir/${(body as { resourceType: string }).resourceType}`, { body, headers })
  return {
    create,
    newPatient: async (): Promise<string> => String((await create(patientResource())).body.id),
    newObservation: async (patientId: string, changes: object = {}): Promise<string> =>
      String((await create({ ...observationResource(patientId), ...changes })).body.id),
    transaction: (entry: object[], options: Parameters<World['call']>[2] = {}): Promise<Answer> =>
      world().call('POST', '/fhir', { body: { resourceType: 'Bundle', type: 'transaction', entry }, ...options }),
  }
}

export function entryOf(fullUrl: string, resource: object) {
  return { fullUrl, resource, request: { method: 'POST', url: (resource as { resourceType: string }).resourceType } }
}

export function entriesOf(bundle: Loose): Loose[] {
  return (bundle.entry as unknown as Loose[] | undefined) ?? []
}

export function idsOf(bundle: Loose): string[] {
  return entriesOf(bundle).map((entry) => String(entry.resource?.id))
}

/** Path and query of the next page, if there is one. */
export function nextOf(bundle: Loose): string | undefined {
  const links = bundle.link as unknown as { relation: string; url: string }[]
  const next = links.find((link) => link.relation === 'next')
  return next && new URL(next.url).pathname + new URL(next.url).search
}
