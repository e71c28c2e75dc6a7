import { CreateLedger1795420800000 } from './1795420800000-create-ledger.js'
import { IndexGovernance1795420801000 } from './1795420801000-index-governance.js'

export const migrations = [CreateLedger1795420800000, IndexGovernance1795420801000]
