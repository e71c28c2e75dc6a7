// A part of a benchmark in a process of its own, so that its CPU time and memory are counted apart. It ends when the
// benchmark does, however that ends: the channel between them closes.
import { fork, type ChildProcess } from 'node:child_process'
import { join } from 'node:path'
import { profilingEnvironment } from '../measuring/profile.js'

type Reply = { id: number; value?: unknown; error?: string }

const HERE = import.meta.dirname
const STOP_GRACE_MS = 60_000

export class HostProcess {
  private readonly child: ChildProcess
  private readonly waiting = new Map<number, PromiseWithResolvers<unknown>>()
  private readonly ended: Promise<void>
  private lastId = 0

  constructor(script: string, options: { profileDir?: string | null; onNote?: (note: unknown) => void } = {}) {
    this.child = fork(join(HERE, script), {
      execArgv: ['--import', join(HERE, '..', 'typescript-resolution.mjs')],
      env: { ...process.env, ...profilingEnvironment(options.profileDir ?? null) },
      serialization: 'advanced',
    })
    this.child.on('message', (message: Reply | { note: unknown }) => {
      if ('note' in message) options.onNote?.(message.note)
      else this.settle(message)
    })
    this.ended = new Promise((resolve) => this.child.once('exit', () => resolve()))
    void this.ended.then(() => this.failAll(new Error(`${script} ended`)))
  }

  get pid(): number {
    return this.child.pid ?? 0
  }

  call<T>(method: string, ...args: unknown[]): Promise<T> {
    const id = ++this.lastId
    const reply = Promise.withResolvers<unknown>()
    this.waiting.set(id, reply)
    this.child.send({ id, method, args })
    return reply.promise as Promise<T>
  }

  /** Ends it in order; by force when it does not. */
  async stop(): Promise<void> {
    if (this.child.connected) this.child.disconnect()
    const insist = setTimeout(() => this.child.kill('SIGKILL'), STOP_GRACE_MS)
    await this.ended
    clearTimeout(insist)
  }

  private settle({ id, value, error }: Reply): void {
    const reply = this.waiting.get(id)
    this.waiting.delete(id)
    if (error === undefined) reply?.resolve(value)
    else reply?.reject(new Error(error))
  }

  private failAll(error: Error): void {
    for (const reply of this.waiting.values()) reply.reject(error)
    this.waiting.clear()
  }
}

type Methods = Record<string, (...args: never[]) => Promise<unknown>>

/** In the child: answers calls until the channel closes, then runs `end` and goes. */
export function serve(methods: Methods, end: () => Promise<void>): void {
  process.on('message', ({ id, method, args }: { id: number; method: string; args: never[] }) => {
    const call = methods[method]
    const answer = call ? call(...args) : Promise.reject(new Error(`no method ${method}`))
    answer.then(
      (value) => send({ id, value }),
      (error: Error) => send({ id, error: error.stack ?? error.message }),
    )
  })
  // A Ctrl-C reaches all of the group; who ends is told by the channel.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {})
  process.once('disconnect', () => {
    void end().finally(() => process.exit(0))
  })
}

/** In the child: tells the benchmark something that it did not ask for. */
export function note(value: unknown): void {
  send({ note: value })
}

// Whoever is gone is told nothing; this process is ending then.
function send(message: object): void {
  if (process.connected) process.send?.(message)
}
