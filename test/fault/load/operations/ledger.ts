// What anybody may see of the ledger: the published checkpoint and the newest blocks.
import type { Client, Done } from '../client.js'
import { doneOf } from '../client.js'
import type { Asked } from '../requests.js'
import type { SeenBlock } from '../history.js'

const BLOCKS = 5

export async function checkpoint({ requests }: Client): Promise<Done> {
  const exchange = await requests.once(publicly('/ledger/checkpoint'))
  const done = doneOf('checkpoint', null, exchange)
  if (exchange.outcome !== 'ok' || !exchange.answer) return done
  const note = exchange.answer.text
  const [, size = '', root = ''] = note.split('\n')
  return { ...done, checkpoint: { size: Number(size), root: Buffer.from(root, 'base64').toString('hex'), note } }
}

export async function blocks({ requests }: Client): Promise<Done> {
  const status = await requests.once(publicly('/ledger/status'))
  if (status.outcome !== 'ok') return doneOf('blocks', null, status)
  const height = Number(status.answer?.body['height'])
  const from = Math.max(0, height - BLOCKS + 1)
  const exchange = await requests.once(publicly(`/ledger/blocks?from=${from}&limit=${BLOCKS}`))
  const found = (exchange.answer?.body['blocks'] ?? []) as { height: number; hash: string; header: string }[]
  return { ...doneOf('blocks', null, exchange), ...(exchange.outcome === 'ok' ? { blocks: found.map(seenBlock) } : {}) }
}

function publicly(path: string): Asked {
  return { login: null, method: 'GET', path, allowed: [200] }
}

function seenBlock({ height, hash, header }: { height: number; hash: string; header: string }): SeenBlock {
  const { block } = JSON.parse(Buffer.from(header, 'base64').toString()) as { block: { time: number } }
  return { height, hash, time: block.time }
}
