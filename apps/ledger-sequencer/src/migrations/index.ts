import { CreateLedger1795420800000 } from './1795420800000-create-ledger.js'
import { IndexAdministration1795430000000 } from './1795430000000-index-administration.js'
import { LookUpTiles1795440000000 } from './1795440000000-look-up-tiles.js'

export const migrations = [CreateLedger1795420800000, IndexAdministration1795430000000, LookUpTiles1795440000000]
