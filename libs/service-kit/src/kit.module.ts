import { Module, type DynamicModule, type Type } from '@nestjs/common'
import { APP_FILTER, APP_GUARD, APP_PIPE } from '@nestjs/core'
import { ThrottlerModule } from '@nestjs/throttler'
import { LoggerModule } from 'nestjs-pino'
import type { Logger } from '@careseal/observability'
import type { BaseConfig } from './config/base-config.js'
import { ProblemFilter } from './errors/problem.filter.js'
import { HealthModule } from './health/health.module.js'
import { problemValidationPipe } from './http/problem-validation.pipe.js'
import { RequestCounter } from './http/request-counter.js'
import { RateLimitGuard } from './http/rate-limit.guard.js'

export type AppModule = Type | DynamicModule

/** What every service has around its own module: logs, limits, validation, errors, health. */
@Module({})
export class KitModule {
  static around(appModule: AppModule, { config, logger }: { config: BaseConfig; logger: Logger }): DynamicModule {
    return {
      module: KitModule,
      imports: [
        // The request's logger is Fastify's (it carries the request id); nestjs-pino finds it for Nest's Logger.
        LoggerModule.forRoot({ pinoHttp: { logger }, useExisting: true }),
        ThrottlerModule.forRoot({
          throttlers: [{ ttl: 60_000, limit: config.RATE_LIMIT_PER_MINUTE }],
          storage: new RequestCounter(),
        }),
        HealthModule,
        appModule,
      ],
      providers: [
        { provide: APP_GUARD, useClass: RateLimitGuard },
        { provide: APP_FILTER, useClass: ProblemFilter },
        { provide: APP_PIPE, useFactory: problemValidationPipe },
      ],
      exports: [ThrottlerModule],
    }
  }
}
