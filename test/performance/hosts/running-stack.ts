// What a benchmark holds of a stack that runs in another process.
import { openDataDir, tokenOf, type DataDir, type DemoPeople, type StackState } from '@careseal/stack'
import { Pool } from 'pg'
import { profilingEnvironment } from '../measuring/profile.js'
import type { Roots } from '../measuring/processes.js'
import type { BenchmarkContext } from '../result.js'
import { HostProcess } from './child-host.js'

// Clients of a benchmark all come from one address, which no client of a real ledger may ask so often.
const ENVIRONMENT = { RATE_LIMIT_PER_MINUTE: '100000000', LOG_LEVEL: 'warn' }
const TOKEN_FOR_MS = 120_000

export class RunningStack {
  readonly state: StackState
  readonly roots: Roots
  readonly dataDir: DataDir
  private readonly host: HostProcess
  private readonly tokens = new Map<string, { value: Promise<string>; at: number }>()

  private constructor(host: HostProcess, started: { state: StackState; roots: Roots }) {
    this.host = host
    this.state = started.state
    this.roots = started.roots
    this.dataDir = openDataDir(started.state.dataDir)
  }

  /** A new stack with a data folder of its own; it goes with the benchmark. */
  static async start(
    context: BenchmarkContext,
    env: Record<string, string> = {},
    witnesses = 0,
  ): Promise<RunningStack> {
    const onNote = (step: unknown) => context.progress(`starting a stack: ${String(step)}`)
    const host = new HostProcess('stack.host.ts', { onNote })
    context.onEnd(() => host.stop())
    const all = { ...ENVIRONMENT, ...profilingEnvironment(context.profileDir), ...env }
    return new RunningStack(host, await host.call('start', all, witnesses))
  }

  get origin(): string {
    return this.state.origin
  }

  createPeople(people: DemoPeople): Promise<void> {
    return this.host.call('people', people)
  }

  /** A token that is valid for two more minutes at least. */
  token(login: string): Promise<string> {
    const known = this.tokens.get(login)
    if (known && performance.now() - known.at < TOKEN_FOR_MS) return known.value
    const value = tokenOf({ dataDir: this.dataDir, origin: this.origin }, login).then(({ token }) => token)
    this.tokens.set(login, { value, at: performance.now() })
    return value
  }

  /** Connections with the rights and the search path of a service. */
  pool(service: string, max: number): Pool {
    const options = `-c role=${service} -c search_path=${service},${service}_keys`
    const pool = new Pool({ connectionString: this.state.postgres, options, max })
    pool.on('error', () => {})
    return pool
  }
}
