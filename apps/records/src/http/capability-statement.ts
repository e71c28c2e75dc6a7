// The CapabilityStatement, made from the same lists that decide what is served; a test asks for each thing it says.
import { OWNED_BY_RECORDS, supportedParameters } from '@careseal/fhir'
import type { ServerBase } from './server-base.js'

const INTERACTIONS = ['read', 'vread', 'update', 'delete', 'history-instance', 'create', 'search-type']

export function capabilityStatement({ url, origin }: ServerBase): object {
  return {
    resourceType: 'CapabilityStatement',
    status: 'active',
    date: '2026-01-01',
    kind: 'instance',
    software: { name: 'Careseal' },
    implementation: { description: 'Careseal, a health-data ledger', url: url.slice(0, -1) },
    fhirVersion: '4.0.1',
    format: ['application/fhir+json'],
    rest: [
      {
        mode: 'server',
        documentation:
          'Each version has a receipt: GET Type/id/_history/vid/$receipt, with ?field=/json/pointer for one field. ' +
          'The header x-purpose-of-use says why. POST takes an Idempotency-Key. Consent and AuditEvent are served by ' +
          'the services that own them.',
        security: security(origin),
        resource: [...OWNED_BY_RECORDS].map(resource),
        interaction: [{ code: 'transaction' }, { code: 'batch' }],
      },
    ],
  }
}

function security(origin: string): object {
  const service = {
    system: 'http://terminology.hl7.org/CodeSystem/restful-security-service',
    code: 'SMART-on-FHIR',
  }
  return {
    cors: false,
    service: [{ coding: [service] }],
    extension: [
      {
        url: 'http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris',
        extension: [{ url: 'token', valueUri: `${origin}/auth/token` }],
      },
    ],
  }
}

function resource(type: string): object {
  return {
    type,
    interaction: INTERACTIONS.map((code) => ({ code })),
    versioning: 'versioned',
    readHistory: true,
    updateCreate: false,
    conditionalCreate: false,
    conditionalRead: 'not-match',
    conditionalUpdate: false,
    conditionalDelete: 'not-supported',
    referencePolicy: ['literal', 'logical'],
    searchParam: supportedParameters(type),
  }
}
