/** The public FHIR base of this deployment, with a slash at the end. */
export class ServerBase {
  readonly url: string

  constructor(readonly origin: string) {
    this.url = `${origin}/fhir/`
  }
}
