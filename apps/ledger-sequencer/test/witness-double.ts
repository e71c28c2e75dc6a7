// For specs: a witness that keeps the rules of tlog-witness, in memory, until it is told to break them.
import { fromHex, sha256, utf8 } from '@careseal/crypto'
import {
  admitCheckpoint,
  COSIGNATURE_V1,
  cosigner,
  formatSignatureLine,
  formatVkey,
  judgeCheckpoint,
  parseVkey,
  signNote,
  TREE_SIZE_TYPE,
  verifierOf,
  vkeyOf,
  type KnownTree,
} from '@careseal/ledger-core'
import { emptyRoot } from '@careseal/merkle'
import { createHash, createPrivateKey, createPublicKey, sign } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { verifyEd25519 } from '@careseal/cosigner'

/** Answers in the witness's place; false leaves the answer to the witness. */
export type Misbehaviour = (request: IncomingMessage, response: ServerResponse) => boolean

type Memory = { known: KnownTree; note: string | null }

export class WitnessDouble {
  /** What it has co-signed, and the note that it shows of it. */
  memory: Memory = { known: { size: 0, root: emptyRoot(sha256) }, note: null }
  misbehave: Misbehaviour = () => false
  delayMs = 0
  /** Seconds that are added to the time of its cosignatures. */
  clockSkew = 0
  /** The vkeys of the log that its operator gave it. */
  believes: string[]
  /** Requests to co-sign that it was sent. */
  asked = 0
  private server: Server | null = null
  private port = 0
  private turn: Promise<void> = Promise.resolve()
  private readonly key
  private readonly identity

  private constructor(
    readonly name: string,
    fill: number,
    private readonly logVkey: string,
  ) {
    this.believes = [logVkey]
    const der = Buffer.concat([fromHex('302e020100300506032b657004220420'), new Uint8Array(32).fill(fill)])
    this.key = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' })
    const publicKey = new Uint8Array(createPublicKey(this.key).export({ format: 'der', type: 'spki' }).subarray(-32))
    this.identity = vkeyOf(sha256, { name: `${name}.example.org`, type: COSIGNATURE_V1, publicKey })
  }

  static async start(name: string, fill: number, logVkey: string): Promise<WitnessDouble> {
    const witness = new WitnessDouble(name, fill, logVkey)
    await witness.open()
    return witness
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`
  }

  get vkey(): string {
    return formatVkey(this.identity)
  }

  /** Listens, on its old port if it had one. */
  async open(): Promise<void> {
    const server = createServer((request, response) => void this.answer(request, response).catch(() => {}))
    server.listen(this.port, '127.0.0.1')
    await once(server, 'listening')
    this.server = server
    this.port = (server.address() as AddressInfo).port
  }

  /** Nobody answers until it opens again. */
  async close(): Promise<void> {
    const { server } = this
    this.server = null
    server?.closeAllConnections()
    if (server) await new Promise((resolve) => server.close(resolve))
  }

  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (request.method === 'POST') this.asked += 1
    if (this.misbehave(request, response)) return
    await delay(this.delayMs)
    if (request.method === 'GET') return this.show(request, response)
    const chunks: Uint8Array[] = []
    for await (const chunk of request) chunks.push(chunk as Uint8Array)
    const swap = this.turn.then(() => this.swap(Buffer.concat(chunks), response))
    this.turn = swap.catch(() => {})
    await swap
  }

  private show({ url }: IncomingMessage, response: ServerResponse): void {
    const origin = parseVkey(sha256, this.logVkey).name
    const path = `/${createHash('sha256').update(utf8(origin)).digest('hex')}/checkpoint`
    const { note } = this.memory
    if (url !== path || note === null) return void response.writeHead(404).end()
    response.writeHead(200, { 'content-type': 'text/plain' }).end(note)
  }

  private async swap(body: Uint8Array, response: ServerResponse): Promise<void> {
    const log = parseVkey(sha256, this.logVkey)
    const verifiers = this.believes.flatMap((vkey) => verifierOf(parseVkey(sha256, vkey), verifyEd25519) ?? [])
    const outcome = await admitCheckpoint(body, (origin) => (origin === log.name ? verifiers : undefined))
    if ('refused' in outcome) return void response.writeHead(outcome.refused.status).end()
    const verdict = judgeCheckpoint(sha256, this.memory.known, outcome.admitted)
    if (verdict.status === 409) {
      return void response.writeHead(409, { 'content-type': TREE_SIZE_TYPE }).end(`${verdict.knownSize}\n`)
    }
    if (verdict.status !== 200) return void response.writeHead(verdict.status).end(verdict.detail)
    const { text, signatures } = outcome.admitted
    this.memory = { known: verdict.accepted, note: `${text}\n${signatures.map(formatSignatureLine).join('')}` }
    const seconds = Math.floor(Date.now() / 1000) + this.clockSkew
    const cosign = cosigner(this.identity, seconds, (message) => sign(null, message, this.key))
    const note = await signNote(text, cosign)
    response.writeHead(200).end(note.slice(text.length + 1))
  }
}

/** A policy of these witnesses, any `threshold` of them. */
export function policyText(witnesses: readonly WitnessDouble[], threshold: number): string {
  const lines = witnesses.map(({ name, vkey, url }) => `witness ${name} ${vkey} ${url}`)
  return [...lines, `group some ${threshold} ${witnesses.map(({ name }) => name).join(' ')}`, 'quorum some', ''].join(
    '\n',
  )
}
