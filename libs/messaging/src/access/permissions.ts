/** What one NATS user may do. Allow-lists only; what is not listed is refused. */
export type UserPermissions = {
  publish: string[]
  subscribe: string[]
  /** May answer the requests that it receives. */
  allowResponses: boolean
}

export type PermissionOptions = {
  /** Services create missing streams themselves: one machine, no deployer. Default false. */
  manageStreams?: boolean
  /** Names that a producer's incarnations have, such as `{ consent: ['consent', 'consent-2'] }`. */
  incarnations?: Record<string, string[]>
}

/** Allow-lists by user: the services, `deployer`, and `outside-example` for a consumer of another organisation. */
export function natsPermissions(_options: PermissionOptions = {}): Record<string, UserPermissions> {
  throw new Error('not written yet')
}
