import { bootstrap } from '@careseal/service-kit'
import { AppModule } from './app.module.js'
import { config } from './config.js'

bootstrap({ name: 'ledger-sequencer', appModule: (loaded) => AppModule.forRoot(loaded), config, prefix: 'ledger' })
