// One address for two sequencers, as the gateway of a cluster is: reads go to any that answers, all else to the one that
// holds the lease. Whoever does not answer is passed over; who that is, is asked anew several times a second.
import { createServer, request as send, type IncomingMessage, type ServerResponse } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'

export type Upstream = { host: string; port: number }

export type LedgerFront = {
  readonly host: string
  readonly port: number
  /** The one that sealed when it was last asked; null where none does. */
  active(): Upstream | null
  stop(): Promise<void>
}

type State = 'sealing' | 'reading' | 'silent'
type Side = Upstream & { state: State }

const HOST = '127.0.0.1'
const ASK_EVERY_MS = 150
const ASK_TIMEOUT_MS = 500
/** A process that was stopped takes a connection and never answers. */
const ANSWER_TIMEOUT_MS = 3_000
const BODY_BYTES_MAX = 1024 * 1024
/** Answers of a sequencer that does not hold the lease. */
const ELSEWHERE = new Set(['ledger-not-confirmed', 'not-sealing'])

/** Listens on the loopback interface; `port` 0 takes any free one. */
export async function startLedgerFront({
  upstreams,
  port = 0,
}: {
  upstreams: readonly Upstream[]
  port?: number
}): Promise<LedgerFront> {
  const sides: Side[] = upstreams.map((upstream) => ({ ...upstream, state: 'silent' }))
  let turn = 0
  const server = createServer((request, response) => void serve({ request, response }, inOrder(sides, request, turn++)))
  server.listen(port, HOST)
  await once(server, 'listening')
  const stopping = new AbortController()
  const asking = Promise.all(sides.map((side) => keepAsking(side, stopping.signal)))
  return {
    host: HOST,
    port: (server.address() as AddressInfo).port,
    active: () => sides.find(({ state }) => state === 'sealing') ?? null,
    stop: async () => {
      stopping.abort()
      await asking
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

/** A standby reads what is committed, but knows no cursors that a signer has confirmed, and takes no entries. */
function isForAny({ method, url = '' }: IncomingMessage): boolean {
  return (method === 'GET' || method === 'HEAD') && url.startsWith('/ledger/') && !url.startsWith('/ledger/producers')
}

const PREFERENCE: Record<State, number> = { sealing: 0, reading: 1, silent: 2 }

function inOrder(sides: readonly Side[], request: IncomingMessage, turn: number): Side[] {
  const turned = sides.map((_, i) => sides[(i + turn) % sides.length] as Side)
  if (!isForAny(request)) return turned.toSorted((a, b) => PREFERENCE[a.state] - PREFERENCE[b.state])
  return turned.toSorted((a, b) => Number(a.state === 'silent') - Number(b.state === 'silent'))
}

async function keepAsking(side: Side, stopping: AbortSignal): Promise<void> {
  while (!stopping.aborted) {
    await askState(side)
    await delay(ASK_EVERY_MS, undefined, { signal: stopping }).catch(() => {})
  }
}

async function askState(side: Side): Promise<void> {
  const url = `http://${side.host}:${side.port}/ledger/status`
  try {
    const answer = await fetch(url, { signal: AbortSignal.timeout(ASK_TIMEOUT_MS) })
    const { state } = (await answer.json()) as { state: string }
    side.state = state === 'confirmed' ? 'sealing' : 'reading'
  } catch {
    side.state = 'silent'
  }
}

type Exchange = { request: IncomingMessage; response: ServerResponse }

async function serve({ request, response }: Exchange, sides: readonly Side[]): Promise<void> {
  const body = await bodyOf(request)
  if (body === null) return refuse(response, 413, 'body-too-large')
  for (const [i, side] of sides.entries()) {
    const isLast = i === sides.length - 1
    const answer = await ask(side, { request, body })
    if (answer !== null && (isLast || !(await isElsewhere(answer)))) return pass(answer, response)
  }
  refuse(response, 503, 'service-unreachable')
}

/** The answer's head, or null where none came. To ask the other one is safe: no entry can be appended twice. */
function ask(side: Side, { request, body }: { request: IncomingMessage; body: Buffer }): Promise<Answer | null> {
  const { method, url, headers } = request
  return new Promise((resolve) => {
    const giveUp = () => {
      side.state = 'silent'
      asked.destroy()
      resolve(null)
    }
    const timer = setTimeout(giveUp, ANSWER_TIMEOUT_MS)
    const asked = send({ host: side.host, port: side.port, method, path: url, headers }, (response) => {
      clearTimeout(timer)
      resolve({ response, head: [] })
    })
    asked.on('error', giveUp)
    request.on('close', () => asked.destroyed || request.complete || asked.destroy())
    asked.end(body)
  })
}

/** `head` is what was read of the body already. */
type Answer = { response: IncomingMessage; head: Buffer[] }

async function isElsewhere(answer: Answer): Promise<boolean> {
  if (answer.response.statusCode !== 503) return false
  for await (const chunk of answer.response as AsyncIterable<Buffer>) answer.head.push(chunk)
  try {
    const { code } = JSON.parse(Buffer.concat(answer.head).toString()) as { code?: string }
    return ELSEWHERE.has(code ?? '')
  } catch {
    return false
  }
}

function pass({ response: from, head }: Answer, to: ServerResponse): void {
  to.writeHead(from.statusCode ?? 502, from.headers)
  for (const chunk of head) to.write(chunk)
  if (from.readableEnded) return void to.end()
  from.on('error', () => to.destroy())
  to.on('close', () => from.destroy())
  from.pipe(to)
}

async function bodyOf(request: IncomingMessage): Promise<Buffer | null> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes > BODY_BYTES_MAX) return null
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

function refuse(response: ServerResponse, status: number, code: string): void {
  response.writeHead(status, { 'content-type': 'application/problem+json', 'retry-after': '1' })
  response.end(JSON.stringify({ type: 'about:blank', title: 'Unavailable', status, code }))
}
