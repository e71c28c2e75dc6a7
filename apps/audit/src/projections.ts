// The read models of this service, by name; the rebuild command and the app share this list.
import { PRODUCERS } from '@careseal/contracts'
import type { ProjectionFeature } from '@careseal/nest-event-store'
import { AccessLogProjection } from './access-log/access-log.projection.js'
import { AccountsProjection } from './accounts/accounts.projection.js'

export const PROJECTIONS: readonly ProjectionFeature[] = [
  { name: 'access-log', producers: [...PRODUCERS], projection: AccessLogProjection },
  { name: 'accounts', producers: ['identity'], projection: AccountsProjection },
]
