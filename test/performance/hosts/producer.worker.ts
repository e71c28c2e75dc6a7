// The producer of the sequencer's benchmark, in a thread of its own: numbers and links leaves a few batches ahead of who
// takes them, so that what is measured is the sequencer.
import { parentPort, workerData } from 'node:worker_threads'
import { LeafChain } from './leaf-chain.js'

export type ProducerSetup = {
  origin: string
  producer: string
  seed: string
  from: { seq: number; link: string }
  batch: number
}
/** `leaves` is packed, in hexadecimal; `cpuMicros` is what this thread has used so far. */
export type Produced = { leaves: string; cpuMicros: number }

const { origin, producer, seed, from, batch } = workerData as ProducerSetup
const at = from.seq === 0 ? undefined : { seq: from.seq, link: Buffer.from(from.link, 'hex') }
const chain = new LeafChain({ origin, producer, seed }, at)

parentPort?.on('message', () => {
  const leaves = chain.pack(batch).toString('hex')
  const { user, system } = process.threadCpuUsage()
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
  parentPort?.postMessage({ leaves, cpuMicros: user + system } satisfies Produced)
})
