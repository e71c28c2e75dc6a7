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
  'PUT /fhir/Consent/{id}': { query: object; body: unknown; answer: unknown }
  'PUT /fhir/{type}/{id}': { query: object; body: unknown; answer: unknown }
}
