// The full counts of faults over one of each service, part by part: `npm run test:long foundation`.
import { runParts } from './run-parts.js'

runParts('foundation')
