// The CapabilityStatement, made from the same lists that decide what is served; a test asks for each thing it says.
import { BUNDLE_ENTRIES_MAX, OWNED_BY_RECORDS, supportedParameters } from '@careseal/fhir'
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
          'The header x-purpose-of-use says why. Writes take an Idempotency-Key: their repetition is answered ' +
          'with the same status, Location and ETag, without a body. Search parameters are ' +
          'strict; Prefer: handling=lenient ignores the unknown and says so. A transaction has at most ' +
          `${BUNDLE_ENTRIES_MAX.transaction} entries, a batch ${BUNDLE_ENTRIES_MAX.batch}; a batch whose answer has ` +
          'grown to 32 MiB refuses further reads as too-costly, and a page ends early, with a link to the next, when ' +
          'what it looks at is large.',
        security: security(origin),
        resource: [...[...OWNED_BY_RECORDS].map(resource), ...FORWARDED].toSorted(byType),
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

type Described = { type: string; [member: string]: unknown }

const byType = (a: Described, b: Described): number => (a.type < b.type ? -1 : 1)

// What the services behind the forwards offer; their own tests hold them to it.
const FORWARDED: Described[] = [
  forwarded('Consent', {
    interaction: ['read', 'vread', 'update', 'history-instance', 'create', 'search-type'],
    searchParam: { _id: 'token', patient: 'reference', status: 'token' },
    history: true,
  }),
  forwarded('AuditEvent', {
    interaction: ['read', 'search-type'],
    searchParam: { date: 'date', patient: 'reference' },
    history: false,
  }),
]

type Offer = { interaction: string[]; searchParam: Record<string, string>; history: boolean }

function forwarded(type: string, { interaction, searchParam, history }: Offer): Described {
  return {
    type,
    interaction: interaction.map((code) => ({ code })),
    versioning: history ? 'versioned' : 'no-version',
    readHistory: history,
    updateCreate: false,
    conditionalCreate: false,
    conditionalUpdate: false,
    conditionalDelete: 'not-supported',
    searchParam: Object.entries(searchParam).map(([name, kind]) => ({ name, type: kind })),
  }
}

function resource(type: string): Described {
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
