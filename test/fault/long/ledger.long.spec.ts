// The full counts of faults over two sequencers and their signer, part by part: `npm run test:long ledger`.
import { runParts } from './run-parts.js'

runParts('ledger')
