// The provider calls every error that is not its own a server_error, 500. Where the database is away the same request
// succeeds a moment later, and that is what its client is told.
import { outsideFailure } from '@careseal/service-kit'
import { errors, type Adapter } from 'oidc-provider'

class TemporarilyUnavailable extends errors.OIDCProviderError {
  override expose = true
  override error_description = 'something that this server needs cannot be reached now; try again'

  constructor(cause: unknown) {
    super(503, 'temporarily_unavailable', { cause })
  }
}

type Method = (...args: unknown[]) => Promise<unknown>

/** The adapter whose failures to reach the database are errors of OAuth; whatever else fails is thrown as it is. */
export function saidAsOAuth(adapter: Adapter): Adapter {
  return new Proxy(adapter, { get: reached as never })
}

function reached(adapter: Adapter, name: keyof Adapter): unknown {
  const method = adapter[name] as Method | undefined
  if (typeof method !== 'function') return method
  return (...args: unknown[]) => method.apply(adapter, args).catch(rethrow)
}

function rethrow(error: unknown): never {
  throw outsideFailure(error)?.status === 503 ? new TemporarilyUnavailable(error) : error
}
