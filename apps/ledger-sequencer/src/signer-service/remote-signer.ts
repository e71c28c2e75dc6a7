// The signer in its own process, as the sequencer sees it: every call is one request with the shared secret. Whatever is
// no answer is SignerSilent, so signing waits; nothing here is ever believed to have been signed or not to have been.
import { readFileSync } from 'node:fs'
import { request as overHttp } from 'node:http'
import { request as overHttps, type RequestOptions } from 'node:https'
import type { z } from 'zod'
import type { Tombstone } from '@careseal/contracts'
import type { PlacedAdmin } from '@careseal/ledger-core'
import {
  SignerSilent,
  type LogSigner,
  type RetreatAnswer,
  type SignerFacts,
  type SigningAnswer,
  type SigningRequest,
  type Tombstones,
} from '../signer/log-signer.js'
import { readSecret } from './secret.js'
import * as wire from './wire.js'

export type RemoteSignerOptions = {
  url: string
  /** The file with the secret that the signer shares with its sequencers. */
  secretFile: string
  /** The CA of the signer's certificate, where it is none of the system's. */
  caFile?: string | undefined
  timeoutMs?: number
}

const TIMEOUT_MS = 5_000

export class RemoteSigner implements LogSigner {
  private readonly secret: string
  private readonly ca: Buffer | undefined

  constructor(private readonly options: RemoteSignerOptions) {
    this.secret = readSecret(options.secretFile)
    this.ca = options.caFile === undefined ? undefined : readFileSync(options.caFile)
  }

  async read(): Promise<SignerFacts> {
    const { genesisEntry, signed, vkeys, retreat } = await this.ask(wire.PATHS.read, {}, wire.Facts)
    return {
      genesisEntry: Buffer.from(genesisEntry, 'hex'),
      signed: { size: signed.size, root: Buffer.from(signed.root, 'hex') },
      vkeys,
      retreat: retreat === null ? null : wire.parsePlaced(retreat),
    }
  }

  async sign({ oldSize, proof, text, vkeys }: SigningRequest): Promise<SigningAnswer> {
    const asked = { oldSize, proof: proof.map(wire.hexOf), text, vkeys }
    return (await this.ask(wire.PATHS.sign, asked, wire.Signed)) as SigningAnswer
  }

  async prepareKey(known: readonly string[]): Promise<string> {
    return (await this.ask(wire.PATHS.key, { known }, wire.KeyAnswered)).vkey
  }

  async retreat(entry: PlacedAdmin): Promise<RetreatAnswer> {
    const answer = await this.ask(wire.PATHS.retreat, wire.formatPlaced(entry), wire.Retreated)
    if ('refused' in answer) return answer as RetreatAnswer
    const { size, root } = answer.retreated
    return { retreated: { size, root: Buffer.from(root, 'hex') } }
  }

  async openTombstones(): Promise<Tombstones> {
    await this.read()
    return {
      list: (service, after, limit) =>
        this.ask(wire.PATHS.listTombstones, { service, after, limit }, wire.TombstonePage),
      add: async (service: string, tombstones: readonly Tombstone[]) => {
        await this.ask(wire.PATHS.addTombstones, { service, tombstones }, wire.KeptTombstones)
      },
    }
  }

  private async ask<S extends z.ZodType>(path: string, body: object, answer: S): Promise<z.infer<S>> {
    const { status, text } = await this.post(path, JSON.stringify(body)).catch((cause: unknown) => {
      throw new SignerSilent(`the signer at ${this.options.url} does not answer`, { cause })
    })
    if (status !== 200) throw new SignerSilent(`the signer at ${this.options.url} answers ${status}: ${text}`)
    try {
      return answer.parse(JSON.parse(text))
    } catch (cause) {
      throw new SignerSilent(`the signer at ${this.options.url} answers what cannot be read`, { cause })
    }
  }

  private post(path: string, body: string): Promise<{ status: number; text: string }> {
    const { url, timeoutMs = TIMEOUT_MS } = this.options
    const target = new URL(path, url)
    const options: RequestOptions = {
      method: 'POST',
      headers: { authorization: `Bearer ${this.secret}`, 'content-type': 'application/json' },
      signal: AbortSignal.timeout(timeoutMs),
      ...(this.ca ? { ca: this.ca } : {}),
    }
    return new Promise((resolve, reject) => {
      const send = target.protocol === 'https:' ? overHttps : overHttp
      const request = send(target, options, (response) => {
        const chunks: Buffer[] = []
        response.on('data', (chunk: Buffer) => chunks.push(chunk))
        response.on('end', () => resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString() }))
        response.on('error', reject)
      })
      request.on('error', reject)
      request.end(body)
    })
  }
}
