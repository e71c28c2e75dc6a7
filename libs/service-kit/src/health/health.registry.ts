import { Injectable } from '@nestjs/common'

/** Throws, or rejects, while its part cannot serve. */
export type HealthCheck = (signal: AbortSignal) => Promise<void> | void

/**
 * Where modules say what their service needs to be ready, and to have started.
 *
 * Liveness asks nobody: a dead database must not make the cluster kill every service.
 */
@Injectable()
export class HealthRegistry {
  readonly readiness = new Map<string, HealthCheck>()
  readonly startup = new Map<string, HealthCheck>()

  /** Ready needs this, at every look; `name` is shown, so it holds no host and no id. */
  addReadiness(name: string, check: HealthCheck): void {
    this.readiness.set(name, check)
  }

  /** Started needs this once. */
  addStartup(name: string, check: HealthCheck): void {
    this.startup.set(name, check)
  }
}
