// A service that the bootstrap spec runs as a process of its own and then stops, starves and breaks.
import { Controller, Get, Module } from '@nestjs/common'
import { setTimeout as delay } from 'node:timers/promises'
import { z } from 'zod'
import { baseConfig, bootstrap, Public } from '../index.js'

@Controller('try')
@Public()
class TinyController {
  @Get('slow')
  async slow() {
    await delay(300)
    return { slow: true }
  }

  @Get('quick')
  quick() {
    return { quick: true }
  }

  @Get('reject')
  reject() {
    void Promise.reject(new Error('nobody handles this'))
    return {}
  }

  @Get('hang')
  hang() {
    return new Promise(() => {})
  }
}

@Module({ controllers: [TinyController] })
class TinyModule {}

bootstrap({ name: 'tiny', prefix: 'try', config: z.object(baseConfig), appModule: () => TinyModule })
