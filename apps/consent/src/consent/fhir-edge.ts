import type { Fhir } from '@careseal/fhir'

/** What the edge knows of FHIR: this server's base URL as users see it, and the validator. */
export class FhirEdge {
  constructor(
    readonly url: string,
    readonly validateResource: Fhir['validateResource'],
  ) {}
}
