/** Any JSON value. */
export type Json = null | boolean | number | string | Json[] | JsonObject
export type JsonObject = { [member: string]: Json }

/** A FHIR R4 resource as JSON. That it is one is shown by `validateResource`; the type says only what every one has. */
export type Resource = JsonObject & { resourceType: string }

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
