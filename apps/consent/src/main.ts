import { listenToMessages } from '@careseal/nest-jetstream'
import { bootstrap } from '@careseal/service-kit'
import { AppModule } from './app.module.js'
import { config } from './config.js'

bootstrap({
  name: 'consent',
  config,
  prefix: 'consent',
  forms: true,
  appModule: (settings) => AppModule.for(settings),
  onApp: listenToMessages,
})
