import { Injectable } from '@nestjs/common'

/**
 * Whether this process is on its way out.
 *
 * What a module does at shutdown it does in Nest's hooks, which run in this order: `onModuleDestroy` stops pulling,
 * `beforeApplicationShutdown` finishes and flushes, then HTTP closes, then `onApplicationShutdown` ends connections and
 * pools. Requests in flight keep their connections until they are answered.
 */
@Injectable()
export class DrainService {
  draining = false

  /** From here /readyz answers 503 and answers close their connections. */
  begin(): void {
    this.draining = true
  }
}
