import { Global, Module } from '@nestjs/common'
import { TerminusModule } from '@nestjs/terminus'
import { DrainService } from '../drain.service.js'
import { HealthController } from './health.controller.js'
import { HealthRegistry } from './health.registry.js'

/** Serves /livez, /readyz and /startupz; global, so that any module may inject HealthRegistry and DrainService. */
@Global()
@Module({
  imports: [TerminusModule.forRoot({ logger: false })],
  controllers: [HealthController],
  providers: [HealthRegistry, DrainService],
  exports: [HealthRegistry, DrainService],
})
export class HealthModule {}
