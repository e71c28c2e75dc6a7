// A consumer as a process of its own, for specs that kill it. Each event becomes one line before it is acknowledged.
import { consume, positionFile } from '@careseal/client'
import { appendFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'

const [url, seedFile, folder, way, blocksMs, from] = process.argv.slice(2) as [
  string,
  string,
  string,
  string,
  string,
  string?,
]
const kept = { from: 'beginning' as const, positions: positionFile(`${folder}/position.json`) }

function block(milliseconds: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds)
}

await consume({
  nats: { url, seedFile },
  durable: 'billing',
  types: ['ConsentGranted'],
  ...(from === 'stored' ? {} : kept),
  checkIntervalMs: 500,
  onEvent: async (_event, { seq }) => {
    appendFileSync(`${folder}/seen`, `${seq}\n`)
    if (way === 'blocks' && seq === 3) block(Number(blocksMs))
    if (way === 'throws' && seq === 3) throw new Error('not yet')
    await sleep(20)
  },
})
