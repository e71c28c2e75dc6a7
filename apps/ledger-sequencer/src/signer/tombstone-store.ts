// The signer's memory of destroyed keys: append-only, and durable before anybody is told. No backup of a service holds
// it, so a key schema that is restored cannot bring back who was erased (I22).
//
// The head file says how many bytes count and what they hash to; it is replaced after they are on disk. Whatever lies
// behind them was never acknowledged, such as a line torn by a crash, and is written over.
import type { Tombstone } from '@careseal/contracts'
import { createDurably, readIfThere, replaceDurably } from '@careseal/cosigner'
import { durableStep } from '@careseal/durable-step'
import { createHash, type Hash } from 'node:crypto'
import { open, type FileHandle } from 'node:fs/promises'
import { join } from 'node:path'
import { turnsIn, type FolderTurn } from './folder-turn.js'
import { SignerUnfit } from './signer-unfit.js'

export type TombstonePage = { tombstones: Tombstone[]; next: number | null }

type Waiting = { service: string; tombstones: readonly Tombstone[]; done: PromiseWithResolvers<void> }
type Kept = { lines: Set<string>; list: Tombstone[] }
type Written = { bytes: number; hash: Hash }

const LINES = 'tombstones.jsonl'
const HEAD = 'tombstones-head.json'
const MEND = 'restore both tombstone files of the signer from where they were lost: they alone know who was erased'

export class TombstoneStore {
  private readonly kept = new Map<string, Kept>()
  private waiting: Waiting[] = []
  private isWriting = false
  /** False while the disk may hold another head than memory: then both are read again before anything is told. */
  private certain = true

  private constructor(
    private readonly folder: string,
    private written: Written,
    private readonly inFolder: FolderTurn,
  ) {}

  /** Makes an empty store in the signer's folder; one that is there stays, for a crash may have come after its making. */
  static async create(folder: string): Promise<void> {
    await ifMissing(createDurably(join(folder, LINES), ''))
    await ifMissing(createDurably(join(folder, HEAD), formatHead({ bytes: 0, hash: createHash('sha256') })))
  }

  /** Throws SignerUnfit when the store is missing, shorter than what was acknowledged, or altered. */
  static async open(folder: string, inFolder: FolderTurn = turnsIn(folder)): Promise<TombstoneStore> {
    const store = new TombstoneStore(folder, { bytes: 0, hash: createHash('sha256') }, inFolder)
    await store.load()
    return store
  }

  /** A service's tombstones in the order of their coming; `after` counts from the first. */
  list(service: string, after: number, limit: number): TombstonePage {
    const { list } = this.keptOf(service)
    const tombstones = list.slice(after, after + limit)
    const next = after + tombstones.length
    return { tombstones, next: next < list.length ? next : null }
  }

  /** Resolves once they are durable. Known ones cost nothing; what comes while a write goes on shares the next one. */
  add(service: string, tombstones: readonly Tombstone[]): Promise<void> {
    const done = Promise.withResolvers<void>()
    this.waiting.push({ service, tombstones, done })
    if (!this.isWriting) void this.work()
    return done.promise
  }

  private async work(): Promise<void> {
    this.isWriting = true
    while (this.waiting.length > 0) {
      const group = this.waiting.splice(0)
      try {
        await this.inFolder(() => this.commit(group))
        for (const { done } of group) done.resolve()
      } catch (error) {
        this.certain = false
        for (const { done } of group) done.reject(error)
      }
    }
    this.isWriting = false
  }

  private async commit(group: readonly Waiting[]): Promise<void> {
    await this.follow()
    if (!this.certain) await this.settle()
    const lines = this.newLines(group)
    if (lines.size === 0) return
    const text = Buffer.from([...lines].map((line) => `${line}\n`).join(''))
    const next = { bytes: this.written.bytes + text.length, hash: this.written.hash.copy().update(text) }
    await this.write(text)
    // If we crash before this, nobody was told of the lines above, and the next ones are written over them.
    await replaceDurably(join(this.folder, HEAD), formatHead(next))
    this.written = next
    for (const line of lines) this.keep(line)
  }

  private newLines(group: readonly Waiting[]): Set<string> {
    const lines = group.flatMap(({ service, tombstones }) => tombstones.map((one) => formatLine(service, one)))
    return new Set(lines.filter((line) => !this.keptOf(serviceIn(line)).lines.has(line)))
  }

  private async write(text: Buffer): Promise<void> {
    const file = await open(join(this.folder, LINES), 'r+')
    try {
      await durableStep('signer.write', () => writeAndSync(file, text, this.written.bytes))
    } finally {
      await file.close()
    }
  }

  // A deposed sequencer may have added some since. What it wrote may not be durable yet, as after a failure.
  private async follow(): Promise<void> {
    const head = await readIfThere(join(this.folder, HEAD))
    if (head !== formatHead(this.written)) this.certain = false
  }

  // After a failure the disk may hold the new head or the old one, and not durably. What it shows is made so first.
  private async settle(): Promise<void> {
    await this.load()
    await replaceDurably(join(this.folder, HEAD), formatHead(this.written))
    this.certain = true
  }

  private async load(): Promise<void> {
    const [head, lines] = [await readIfThere(join(this.folder, HEAD)), await readIfThere(join(this.folder, LINES))]
    if (head === null || lines === null) {
      throw new SignerUnfit('tombstones-missing', `the signer's tombstones are missing: ${MEND}`)
    }
    const { bytes, sha256 } = parseHead(head)
    const text = Buffer.from(lines).subarray(0, bytes)
    const hash = createHash('sha256').update(text)
    if (text.length !== bytes || hash.copy().digest('hex') !== sha256) throw broken()
    this.written = { bytes, hash }
    this.kept.clear()
    for (const line of text.toString().split('\n').slice(0, -1)) this.keep(line)
  }

  private keep(line: string): void {
    const { lines, list } = this.keptOf(serviceIn(line))
    lines.add(line)
    list.push(tombstoneIn(line))
  }

  private keptOf(service: string): Kept {
    const known = this.kept.get(service)
    if (known) return known
    const kept: Kept = { lines: new Set(), list: [] }
    this.kept.set(service, kept)
    return kept
  }
}

async function writeAndSync(file: FileHandle, text: Buffer, at: number): Promise<void> {
  await file.truncate(at)
  const { bytesWritten } = await file.write(text, 0, text.length, at)
  if (bytesWritten !== text.length) throw new Error('the disk took a part of the tombstones')
  await file.sync()
}

async function ifMissing(making: Promise<void>): Promise<void> {
  await making.catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error
  })
}

type Line = [service: string, subjectId: string, keyId: string | null, keyVersion: number | null]

function formatLine(service: string, { subjectId, key }: Tombstone): string {
  return JSON.stringify([service, subjectId, key?.id ?? null, key?.version ?? null] satisfies Line)
}

function serviceIn(line: string): string {
  return (JSON.parse(line) as Line)[0]
}

function tombstoneIn(line: string): Tombstone {
  const [, subjectId, id, version] = JSON.parse(line) as Line
  return { subjectId, key: id === null || version === null ? null : { id, version } }
}

function formatHead({ bytes, hash }: Written): string {
  return `${JSON.stringify({ v: 1, bytes, sha256: hash.copy().digest('hex') })}\n`
}

function parseHead(text: string): { bytes: number; sha256: string } {
  try {
    const { v, bytes, sha256 } = JSON.parse(text) as { v: unknown; bytes: unknown; sha256: unknown }
    if (v === 1 && Number.isSafeInteger(bytes) && typeof sha256 === 'string') return { bytes: Number(bytes), sha256 }
  } catch {
    // Told below, without the text.
  }
  throw broken()
}

function broken(): SignerUnfit {
  return new SignerUnfit('tombstones-broken', `the signer's tombstones are not those that it acknowledged: ${MEND}`)
}
