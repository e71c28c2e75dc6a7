// The signer as a service of its own: it alone holds the log's key and memory, and does for whoever has the shared
// secret what the in-process signer does. One request after another; a failure is told by its code, never by its words.
import { createServer as httpServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { createServer as httpsServer } from 'node:https'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import type { z } from 'zod'
import { Malformed } from '@careseal/ledger-core'
import type { LogSigner, Tombstones } from '../signer/log-signer.js'
import { bears } from './secret.js'
import * as wire from './wire.js'

export type SignerServerOptions = {
  signer: LogSigner
  secret: string
  host: string
  /** 0 for any free one. */
  port: number
  /** Certificate and key in PEM; without them only the loopback interface is served. */
  tls?: { cert: Buffer; key: Buffer } | undefined
  /** Told the code of each failure. */
  onFailure: (path: string, code: string) => void
}

export type SignerServer = { readonly port: number; stop(): Promise<void> }

const BODY_BYTES_MAX = 2 * 1024 * 1024
const LOOPBACK = new Set(['127.0.0.1', '::1', 'localhost'])

/** Throws before it listens where the secret would go over a network in the clear. */
export async function startSignerServer(options: SignerServerOptions): Promise<SignerServer> {
  const { host, port, tls, signer } = options
  if (!tls && !LOOPBACK.has(host)) {
    throw new Error(`the secret would go over the network in the clear: give TLS_CERT_FILE, or HOST=127.0.0.1`)
  }
  const desk = new SignerDesk(signer, await signer.openTombstones())
  const listener = (request: IncomingMessage, response: ServerResponse) =>
    void answer(options, desk, { request, response })
  const server: Server = tls ? httpsServer(tls, listener) : httpServer(listener)
  server.requestTimeout = 10_000
  server.listen(port, host)
  await once(server, 'listening')
  return { port: (server.address() as AddressInfo).port, stop: () => stop(server) }
}

type Handler = (body: unknown) => Promise<object>

/** What each path does. */
class SignerDesk {
  readonly handlers: Record<string, Handler>

  constructor(signer: LogSigner, tombstones: Tombstones) {
    this.handlers = {
      [wire.PATHS.read]: async () => factsOf(await signer.read()),
      [wire.PATHS.sign]: async (body) => {
        const { proof, ...asked } = wire.SignAsked.parse(body)
        return signer.sign({ ...asked, proof: proof.map((hash) => Buffer.from(hash, 'hex')) })
      },
      [wire.PATHS.key]: async (body) => ({ vkey: await signer.prepareKey(wire.KeyAsked.parse(body).known) }),
      [wire.PATHS.retreat]: async (body) => {
        const answer = await signer.retreat(wire.parsePlaced(wire.RetreatAsked.parse(body)))
        return 'refused' in answer ? answer : { retreated: treeOf(answer.retreated) }
      },
      [wire.PATHS.listTombstones]: async (body) => {
        const { service, after, limit } = wire.TombstonesAsked.parse(body)
        return tombstones.list(service, after, limit)
      },
      [wire.PATHS.addTombstones]: async (body) => {
        const { service, tombstones: added } = wire.TombstonesAdded.parse(body)
        await tombstones.add(service, added)
        return {}
      },
    }
  }
}

function factsOf({ genesisEntry, signed, vkeys, retreat }: Awaited<ReturnType<LogSigner['read']>>) {
  return {
    genesisEntry: wire.hexOf(genesisEntry),
    signed: treeOf(signed),
    vkeys: [...vkeys],
    retreat: retreat === null ? null : wire.formatPlaced(retreat),
  } satisfies z.infer<typeof wire.Facts>
}

function treeOf({ size, root }: { size: number; root: Uint8Array }) {
  return { size, root: wire.hexOf(root) }
}

type Exchange = { request: IncomingMessage; response: ServerResponse }

async function answer(options: SignerServerOptions, desk: SignerDesk, { request, response }: Exchange): Promise<void> {
  const path = request.url ?? ''
  try {
    if (path === '/livez' || path === '/readyz') return send(response, 200, { status: 'ok' })
    if (!bears(request.headers.authorization, options.secret)) return send(response, 401, { code: 'not-the-secret' })
    const handler = desk.handlers[path]
    if (!handler || request.method !== 'POST') return send(response, 404, { code: 'no-such-path' })
    send(response, 200, await handler(JSON.parse(await bodyOf(request))))
  } catch (error) {
    const code = codeOf(error)
    options.onFailure(path, code)
    send(response, isAskedWrong(error) ? 400 : 500, { code })
  }
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes > BODY_BYTES_MAX) throw new Malformed('a body of such a length')
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

function isAskedWrong(error: unknown): boolean {
  return error instanceof Malformed || error instanceof SyntaxError || (error as Error).name === 'ZodError'
}

function codeOf(error: unknown): string {
  const { code, name } = error as { code?: string; name?: string }
  return code ?? name ?? 'unknown'
}

function send(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store' })
  response.end(JSON.stringify(body))
}

async function stop(server: Server): Promise<void> {
  server.closeIdleConnections()
  server.close()
  await once(server, 'close')
}
