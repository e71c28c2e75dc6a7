import { ledgerHeads } from '@careseal/client'
import { required } from '../environment.js'
import { replay } from './replay.js'

let events = 0
const aside = await replay({
  nats: { url: required('NATS_URL'), seedFile: required('NATS_SEED_FILE') },
  name: required('CONSUMER'),
  heads: (types) => ledgerHeads({ origin: required('LEDGER_URL') }, types),
  onEvent: (event, { producer, seq }) => {
    events++
    process.stdout.write(`${JSON.stringify({ producer, seq, ...event })}\n`)
  },
  onTrouble: ({ kind, error }) => void process.stderr.write(`still at it: ${kind}: ${String(error)}\n`),
})
for (const { producer, seq, error } of aside) process.stderr.write(`put aside: ${producer} ${seq} ${String(error)}\n`)
if (aside.length > 0) {
  const missing = aside.length === 1 ? '1 event is missing' : `${aside.length} events are missing`
  process.stderr.write(`${missing} above and kept under dlq.${required('CONSUMER')}\n`)
  process.exitCode = 1
}
process.stderr.write(`${events} events\n`)
