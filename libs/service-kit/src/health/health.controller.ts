import { Controller, Get, Header, Res } from '@nestjs/common'
import { ApiExcludeController } from '@nestjs/swagger'
import { HealthCheckService, HealthIndicatorService } from '@nestjs/terminus'
import { SkipThrottle } from '@nestjs/throttler'
import type { FastifyReply } from 'fastify'
import { DrainService } from '../drain.service.js'
import { Public } from '../http/public-route.js'
import { HealthRegistry, type HealthCheck } from './health.registry.js'

const CHECK_DEADLINE_MS = 2000

@Controller()
@ApiExcludeController()
@Public()
@SkipThrottle()
export class HealthController {
  constructor(
    private readonly registry: HealthRegistry,
    private readonly drain: DrainService,
    private readonly health: HealthCheckService,
    private readonly indicators: HealthIndicatorService,
  ) {}

  @Get('livez')
  @Header('cache-control', 'no-store')
  livez() {
    return { status: 'ok' }
  }

  @Get('readyz')
  @Header('cache-control', 'no-store')
  async readyz(@Res({ passthrough: true }) reply: FastifyReply) {
    if (!this.drain.draining) return this.answer(reply, this.registry.readiness)
    void reply.code(503)
    return { status: 'draining' }
  }

  @Get('startupz')
  @Header('cache-control', 'no-store')
  startupz(@Res({ passthrough: true }) reply: FastifyReply) {
    return this.answer(reply, this.registry.startup)
  }

  // Only names and states leave: what a check threw may name hosts and roles.
  private async answer(reply: FastifyReply, checks: ReadonlyMap<string, HealthCheck>) {
    const states = await Promise.all([...checks].map(([name, check]) => this.stateOf(name, check)))
    const ok = states.every(([, state]) => state === 'up')
    if (!ok) void reply.code(503)
    return { status: ok ? 'ok' : 'error', checks: Object.fromEntries(states) }
  }

  private async stateOf(name: string, check: HealthCheck): Promise<[string, 'up' | 'down']> {
    const attempt = () =>
      this.indicators
        .check(name)
        .attempt(({ signal }) => check(signal))
        .withTimeout(CHECK_DEADLINE_MS)
    const up = await this.health.check([async () => attempt()]).then(
      () => true,
      () => false,
    )
    return [name, up ? 'up' : 'down']
  }
}
