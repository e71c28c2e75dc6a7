// Every path of a witness, and what it answers there.
import { TREE_SIZE_TYPE } from '@careseal/ledger-core'
import { parseTilePath } from '@careseal/merkle'
import type { Metrics } from '../metrics.js'
import type { EvidenceStore } from '../state/evidence-store.js'
import type { AddCheckpointAnswer, Witness } from '../witness.js'
import { immutable, problem, text, type Answer } from './answer.js'

/** A mirrored log; `checkpoint` is the co-signed one up to which every tile is there. */
export type MirrorReader = {
  checkpoint: () => Promise<string | null>
  tile: (tile: { level: number | 'entries'; index: bigint; width: number }) => Promise<Uint8Array | null>
}

export type RouteOptions = {
  witness: Witness
  evidence: EvidenceStore
  metrics: Metrics
  /** By the hash of their origins. */
  mirrors: ReadonlyMap<string, MirrorReader>
  /** The verifier page and its headers; null where it was not built. */
  page: Answer | null
  isReady: () => boolean
}

const NOT_FOUND = problem(404, 'not-found', 'there is nothing at this path')

export class Routes {
  constructor(private readonly options: RouteOptions) {}

  async addCheckpoint(body: Uint8Array): Promise<Answer> {
    return written(await this.options.witness.addCheckpoint(body))
  }

  /** For GET and HEAD; `path` has no query. */
  async get(path: string): Promise<Answer> {
    const { page, metrics, evidence } = this.options
    if (path === '/') return page ?? NOT_FOUND
    if (path === '/metrics') return text(200, metrics.render(), 'text/plain; version=0.0.4; charset=utf-8')
    if (path === '/evidence') return text(200, `${JSON.stringify({ evidence: evidence.list() })}\n`, 'application/json')
    const id = /^\/evidence\/([0-9a-f]{64})$/.exec(path)?.[1]
    if (id !== undefined) return this.evidence(id)
    const [, hash, rest = ''] = /^\/([0-9a-f]{64})\/(.+)$/.exec(path) ?? []
    return hash === undefined ? NOT_FOUND : this.ofLog(hash, rest)
  }

  /** /livez and /readyz; null for any other path. */
  health(path: string): Answer | null {
    if (path === '/livez') return text(200, 'ok\n')
    if (path !== '/readyz') return null
    const isReady = this.options.isReady() && this.options.witness.isHealthy
    return isReady ? text(200, 'ok\n') : problem(503, 'not-ready', 'it is ending, or its store refuses to write')
  }

  private async evidence(id: string): Promise<Answer> {
    const file = await this.options.evidence.read(id)
    return file === null ? NOT_FOUND : immutable(file, 'application/json')
  }

  private async ofLog(hash: string, path: string): Promise<Answer> {
    const { witness, mirrors } = this.options
    if (path === 'checkpoint') return noted(await witness.checkpoint(hash))
    const mirror = mirrors.get(hash)
    if (mirror === undefined) return NOT_FOUND
    if (path === 'mirror/checkpoint') return noted(await mirror.checkpoint())
    const tile = parseTilePath(path.replace(/^mirror\//, ''))
    const bytes = tile && (await mirror.tile(tile))
    return bytes ? immutable(bytes, 'application/octet-stream') : NOT_FOUND
  }
}

function noted(note: string | null): Answer {
  return note === null ? problem(404, 'no-checkpoint', 'no checkpoint of this log was co-signed') : text(200, note)
}

function written(answer: AddCheckpointAnswer): Answer {
  if (answer.status === 200) return text(200, answer.lines)
  if (answer.status === 409) return text(409, `${answer.knownSize}\n`, TREE_SIZE_TYPE)
  return problem(answer.status, answer.code, answer.detail)
}
