// Made from docs/generated/*-openapi.json by tools/docs.mjs; a test fails when it is stale.

/** Every route by method and path: what goes into the query and the body, and what a success answers. */
export type Routes = {
  'DELETE /auth/accounts/{id}': { query: object; body: unknown; answer: unknown }
  'DELETE /fhir/Consent/{id}': { query: object; body: unknown; answer: unknown }
  'DELETE /fhir/{type}/{id}': { query: object; body: unknown; answer: unknown }
  'GET /audit/patients/{patientId}/accesses': { query: { since?: string; until?: string; actor?: string; outcome?: "success" | "denied"; count?: number; cursor?: string }; body: unknown; answer: unknown }
  'GET /audit/patients/{patientId}/accesses/{eventId}/receipt': { query: object; body: unknown; answer: unknown }
  'GET /auth/.well-known/oauth-authorization-server': { query: object; body: unknown; answer: unknown }
  'GET /auth/.well-known/openid-configuration': { query: object; body: unknown; answer: unknown }
  'GET /auth/clients': { query: { limit?: number; after?: string; names?: string }; body: unknown; answer: unknown }
  'GET /auth/jwks': { query: object; body: unknown; answer: unknown }
  'GET /auth/members': { query: { limit?: number; after?: string; names?: string }; body: unknown; answer: unknown }
  'GET /auth/patients': { query: { limit?: number; after?: string; names?: string }; body: unknown; answer: unknown }
  'GET /auth/practitioners': { query: { limit?: number; after?: string; names?: string }; body: unknown; answer: unknown }
  'GET /auth/staff': { query: { limit?: number; after?: string; names?: string }; body: unknown; answer: unknown }
  'GET /fhir/.well-known/smart-configuration': { query: object; body: unknown; answer: unknown }
  'GET /fhir/AuditEvent': { query: object; body: unknown; answer: unknown }
  'GET /fhir/AuditEvent/{id}': { query: object; body: unknown; answer: unknown }
  'GET /fhir/Consent': { query: object; body: unknown; answer: unknown }
  'GET /fhir/Consent/{id}': { query: object; body: unknown; answer: unknown }
  'GET /fhir/Consent/{id}/_history': { query: object; body: unknown; answer: unknown }
  'GET /fhir/Consent/{id}/_history/{versionId}': { query: object; body: unknown; answer: unknown }
  'GET /fhir/metadata': { query: object; body: unknown; answer: unknown }
  'GET /fhir/{type}': { query: object; body: unknown; answer: unknown }
  'GET /fhir/{type}/{id}': { query: object; body: unknown; answer: unknown }
  'GET /fhir/{type}/{id}/_history': { query: object; body: unknown; answer: unknown }
  'GET /fhir/{type}/{id}/_history/{versionId}': { query: object; body: unknown; answer: unknown }
  'GET /fhir/{type}/{id}/_history/{versionId}/$receipt': { query: object; body: unknown; answer: unknown }
  'GET /ledger/blocks': { query: { from?: string; limit?: string }; body: unknown; answer: { blocks: ({ height: number; hash: string; firstIndex: number; count: number; treeSize: number; header: string })[]; next: number | null; treeSize: number } }
  'GET /ledger/blocks/{height}': { query: object; body: unknown; answer: { height: number; hash: string; firstIndex: number; count: number; treeSize: number; header: string } }
  'GET /ledger/checkpoint': { query: object; body: unknown; answer: unknown }
  'GET /ledger/entries': { query: { from?: string; limit?: string }; body: unknown; answer: { entries: ({ index: number; bytes: string })[]; next: number | null; treeSize: number } }
  'GET /ledger/entries/{index}': { query: object; body: unknown; answer: { index: number; bytes: string; leafHash: string; entry: Record<string, unknown> } }
  'GET /ledger/feed': { query: { from?: string; count?: string }; body: unknown; answer: unknown }
  'GET /ledger/governance': { query: { from?: string; limit?: string }; body: unknown; answer: { entries: ({ index: number; bytes: string; height: number; time: number; type: string; data: unknown; operators: (string)[] })[]; next: number | null; treeSize: number } }
  'GET /ledger/keys': { query: object; body: unknown; answer: { origin: string; keys: ({ owner: "log" | "witness"; vkey: string; fromSize: number; untilSize: number | null; addedAt: number | null; retiredAt: number | null; replaces: string | null; reason: "rotated" | "stolen" })[]; treeSize: number } }
  'GET /ledger/producers': { query: object; body: unknown; answer: { producers: ({ producer: string; latest: string; lastSeq: number; lastLink: string })[] } }
  'GET /ledger/producers/{name}': { query: object; body: unknown; answer: { producer: string; latest: string; lastSeq: number; lastLink: string } }
  'GET /ledger/proof/consistency': { query: { old: string; new?: string }; body: unknown; answer: { old: number; new: number; proof: (string)[] } }
  'GET /ledger/proof/inclusion': { query: { index: string; size?: string }; body: unknown; answer: { index: number; size: number; proof: (string)[] } }
  'GET /ledger/proof/tlog': { query: { index: string }; body: unknown; answer: unknown }
  'GET /ledger/status': { query: object; body: unknown; answer: { state: "starting" | "confirmed" | "halted"; halt?: { code: string; detail: string }; height: number; treeSize: number; publishedSize: number; publishedAt?: string; cosignedBy?: (string)[]; signedSize?: number; waitingFor?: (string)[]; frozenProducers: Record<string, string> } }
  'GET /ledger/tile/{path}': { query: object; body: unknown; answer: unknown }
  'GET /ledger/vkey': { query: object; body: unknown; answer: unknown }
  'POST /auth/clients': { query: object; body: ({ accountId: string; name: string; jwk: ({ kty: "EC"; crv: "P-384"; x: string; y: string; alg?: "ES384"; kid?: string; use?: "sig" }) | ({ kty: "RSA"; n: string; e: string; alg?: "RS384"; kid?: string; use?: "sig" }) }) | ({ memberId: string; name: string; jwk: ({ kty: "EC"; crv: "P-384"; x: string; y: string; alg?: "ES384"; kid?: string; use?: "sig" }) | ({ kty: "RSA"; n: string; e: string; alg?: "RS384"; kid?: string; use?: "sig" }) }); answer: unknown }
  'POST /auth/members': { query: object; body: { kind: "hospital" | "laboratory" | "insurer" | "research" | "authority"; name: string; organizationId?: string }; answer: unknown }
  'POST /auth/patients': { query: object; body: { patientId: string; name: string }; answer: unknown }
  'POST /auth/practitioners': { query: object; body: { memberId: string; practitionerId?: string; name: string }; answer: unknown }
  'POST /auth/staff': { query: object; body: { role: "auditor" | "operator"; name: string }; answer: unknown }
  'POST /auth/token': { query: object; body: unknown; answer: unknown }
  'POST /fhir': { query: object; body: unknown; answer: unknown }
  'POST /fhir/Consent': { query: object; body: unknown; answer: unknown }
  'POST /fhir/Consent/_search': { query: object; body: unknown; answer: unknown }
  'POST /fhir/{type}': { query: object; body: unknown; answer: unknown }
  'POST /fhir/{type}/_search': { query: object; body: unknown; answer: unknown }
  'POST /ledger/admin-entries': { query: object; body: { index: number; type: string; data: Record<string, (string) | (number) | (null)>; approvals: ({ operator: string; signature: string })[] }; answer: unknown }
  'PUT /fhir/Consent/{id}': { query: object; body: unknown; answer: unknown }
  'PUT /fhir/{type}/{id}': { query: object; body: unknown; answer: unknown }
}
