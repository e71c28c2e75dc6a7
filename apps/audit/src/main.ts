import { listenToMessages } from '@careseal/nest-jetstream'
import { bootstrap } from '@careseal/service-kit'
import { AppModule } from './app.module.js'
import { config } from './config.js'

bootstrap({
  name: 'audit',
  config,
  prefix: 'audit',
  appModule: (settings) => AppModule.for(settings),
  onApp: listenToMessages,
})
