import { ledgerHeads } from '@careseal/client'
import { required } from '../environment.js'
import { replay } from './replay.js'

let events = 0
await replay({
  nats: { url: required('NATS_URL'), seedFile: required('NATS_SEED_FILE') },
  name: required('CONSUMER'),
  heads: (types) => ledgerHeads({ origin: required('LEDGER_URL') }, types),
  onEvent: (event, { producer, seq }) => {
    events++
    process.stdout.write(`${JSON.stringify({ producer, seq, ...event })}\n`)
  },
})
process.stderr.write(`${events} events\n`)
