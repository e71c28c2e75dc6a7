/** What validation needs of FHIR's definitions, as `tools/distil.mjs` makes it. */
export type Definitions = {
  schema: { definitions: Record<string, object> }
  structures: { type: string; name: string; url: string }[]
}
