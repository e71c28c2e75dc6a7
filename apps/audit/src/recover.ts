// Audit's read models lie in the same database as their positions: after a rollback they read on from where they stood.
import { recoverFromCommandLine } from '@careseal/nest-event-store'

await recoverFromCommandLine({
  service: 'audit',
  entities: [],
  model: () => ({ streamOf: ({ id }) => `recovered-${id}`, follow: async () => ({}) }),
})
