import { Module, type DynamicModule, type OnApplicationBootstrap } from '@nestjs/common'
import { APP_GUARD, HttpAdapterHost, ModulesContainer } from '@nestjs/core'
import { AccessTokens, type AuthzOptions } from './access-token.js'
import { AuthzGuard, CLIENT_RATE_LIMIT } from './authz.guard.js'
import { undeclaredAmong } from './undeclared-routes.js'

const REQUESTS_PER_MINUTE = 600_000

/** Guards every route of the service; a service with an undeclared route does not start. */
@Module({})
export class AuthzModule implements OnApplicationBootstrap {
  static forRoot(options: AuthzOptions): DynamicModule {
    return {
      module: AuthzModule,
      global: true,
      providers: [
        { provide: AccessTokens, useFactory: () => new AccessTokens(options) },
        { provide: CLIENT_RATE_LIMIT, useValue: options.rateLimitPerMinute ?? REQUESTS_PER_MINUTE },
        { provide: APP_GUARD, useClass: AuthzGuard },
      ],
      exports: [AccessTokens],
    }
  }

  constructor(
    private readonly modules: ModulesContainer,
    private readonly http: HttpAdapterHost,
  ) {}

  onApplicationBootstrap(): void {
    const undeclared = undeclaredAmong(this.modules, this.http.httpAdapter.getInstance())
    if (undeclared.length > 0) throw new Error(`routes without @Requires or @Public: ${undeclared.join(', ')}`)
  }
}
