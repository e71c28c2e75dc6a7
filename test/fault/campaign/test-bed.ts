// A ledger of its own under load, in surroundings that can be made bad; nothing of it is left when it is closed.
import type { CaresealStack, StackNetwork } from '@careseal/stack'
import { eventually } from '@careseal/testing'
import { chmodSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Client } from 'pg'
import type { Violation } from '../check/result.js'
import type { Bed } from '../faults/fault.js'
import { Load } from '../load/load.js'
import { prepareWorld, type World, type WorldPatient } from '../load/world.js'
import { isAlive } from '../surroundings/command.js'
import { Namespaces } from '../surroundings/namespaces.js'
import { startNativeStack } from '../surroundings/native-stack.js'
import { Proxies } from '../surroundings/proxies.js'
import { SmallDisk, unmountLeftovers } from '../surroundings/small-disk.js'

export type BedOptions = {
  seed: string
  /** Services in network namespaces of their own. */
  namespaces?: boolean
  /** Proxies on the ways to Postgres, the broker and the ledger. */
  proxies?: boolean
  /** The signer's folder on a disk that can be filled up. */
  signerDisk?: boolean
  /** Two sequencers with a signer of their own process, and three witnesses, two of which have to co-sign. */
  pair?: boolean
  patients?: number
  /** Patients besides, whom the load does not know: their keys may be destroyed. */
  sparePatients?: number
  clients?: number
}

const PATIENTS = 12
const DATABASE_BACK_MS = 60_000
const WITNESSES_OF_A_PAIR = 3
const SIGNER_DISK_BYTES = 256 * 1024
const RESTART_DELAY_MS_MAX = 300

/** How long nothing was sealed after a strike. */
export type FailOver = { kind: string; milliseconds: number }

type Surroundings = Pick<Bed, 'namespaces' | 'proxies' | 'signerDisk'>
type Made = Surroundings & { stack: CaresealStack; world: World; folder: string; options: BedOptions }

export class TestBed implements Bed {
  readonly stack: CaresealStack
  readonly namespaces: Namespaces | null
  readonly proxies: Proxies | null
  readonly signerDisk: SmallDisk | null
  readonly folder: string
  readonly violations: Violation[] = []
  readonly failOvers: FailOver[] = []
  load: Load
  private readonly world: World
  private readonly spare: WorldPatient[]
  private readonly options: BedOptions

  private constructor({ stack, world, folder, options, ...surroundings }: Made) {
    this.stack = stack
    const { sparePatients = 0 } = options
    this.world = { ...world, patients: world.patients.slice(sparePatients) }
    this.spare = world.patients.slice(0, sparePatients)
    this.folder = folder
    this.options = options
    this.namespaces = surroundings.namespaces
    this.proxies = surroundings.proxies
    this.signerDisk = surroundings.signerDisk
    this.load = this.newLoad()
  }

  /** Resolves when the load runs. On any failure what has started is stopped again. */
  static async create(options: BedOptions): Promise<TestBed> {
    const folder = mkdtempSync(join(tmpdir(), `careseal-fault-${process.pid}-`))
    // Postgres runs as nobody and must be able to walk in.
    chmodSync(folder, 0o711)
    const surroundings: Surroundings = {
      namespaces: null,
      proxies: null,
      signerDisk: null,
      ...(await prepare(options, folder)),
    }
    let stack: CaresealStack | undefined
    try {
      stack = await startStack(folder, surroundings, options.pair === true)
      const world = await prepareWorld(stack, {
        seed: options.seed,
        patients: (options.patients ?? PATIENTS) + (options.sparePatients ?? 0),
      })
      const bed = new TestBed({ stack, world, folder, options, ...surroundings })
      bed.load.start()
      return bed
    } catch (error) {
      await stack?.stop()
      await clear(surroundings, folder)
      throw error
    }
  }

  // Postgres may be killed just now; what only reads is asked again.
  sql<Row extends object>(text: string, values: readonly unknown[] = []): Promise<Row[]> {
    return eventually(() => this.ask<Row>(text, values), { withinMs: DATABASE_BACK_MS })
  }

  private async ask<Row extends object>(text: string, values: readonly unknown[]): Promise<Row[]> {
    const client = new Client({ connectionString: this.stack.state().postgres })
    client.on('error', () => {})
    await client.connect()
    try {
      return (await client.query<Row>(text, [...values])).rows
    } finally {
      await client.end()
    }
  }

  async withoutLoad<T>(work: () => Promise<T>): Promise<T> {
    await this.load.stop()
    try {
      return await work()
    } finally {
      this.load = this.newLoad()
      this.load.start()
    }
  }

  async provoke(producer: string): Promise<void> {
    if (producer !== 'audit') return
    // An auditor who looks at the access log is all that audit writes down, and no client of the load is one.
    const answer = await this.get('auditor', `/audit/patients/${this.world.patients[0]!.patientId}/accesses`)
    await answer.body?.cancel()
  }

  sparePatient(): { login: string; patientId: string } {
    const patient = this.spare.pop()
    if (!patient) throw new Error('no patient is left that the load does not know: ask for more sparePatients')
    return patient
  }

  async ownRecord(login: string, patientId: string): Promise<number> {
    const answer = await this.get(login, `/fhir/Patient/${patientId}`)
    await answer.body?.cancel()
    return answer.status
  }

  failedOver(kind: string, milliseconds: number): void {
    this.failOvers.push({ kind, milliseconds })
  }

  violated(invariant: string, what: string): void {
    this.violations.push({ invariant, what, where: 'while the fault lasted' })
  }

  async close(): Promise<void> {
    await this.load.stop({ giveUpAfterMs: 0 }).catch(() => {})
    await this.stack.stop()
    await clear(this, this.folder)
  }

  private async get(login: string, path: string): Promise<Response> {
    const headers = { authorization: `Bearer ${await this.world.tokens.of(login)}` }
    return fetch(this.stack.origin + path, { headers, signal: AbortSignal.timeout(20_000) })
  }

  private newLoad(): Load {
    const { seed, clients } = this.options
    const { history } = (this.load as Load | undefined) ?? {}
    return new Load({
      origin: this.stack.origin,
      world: this.world,
      seed,
      ...(clients ? { clients } : {}),
      ...(history ? { history } : {}),
    })
  }
}

// Of a run that was killed; its processes are gone, for nothing outlives who started it.
async function removeLeftovers(): Promise<void> {
  await unmountLeftovers()
  for (const name of readdirSync(tmpdir())) {
    const pid = Number(/^careseal-fault-(\d+)-/.exec(name)?.[1] ?? process.pid)
    if (!isAlive(pid)) rmSync(join(tmpdir(), name), { recursive: true, force: true })
  }
}

async function prepare(options: BedOptions, folder: string): Promise<Partial<Surroundings>> {
  await removeLeftovers()
  const namespaces = options.namespaces ? await Namespaces.create() : null
  const proxies = options.proxies ? await Proxies.listen(namespaces?.partsHost) : null
  const signerDisk = options.signerDisk
    ? await SmallDisk.mount(join(folder, 'signer'), { bytes: SIGNER_DISK_BYTES })
    : null
  return { namespaces, proxies, signerDisk }
}

function startStack(folder: string, { namespaces, proxies }: Surroundings, isPair: boolean): Promise<CaresealStack> {
  const network: StackNetwork = { ...namespaces?.network, ...(proxies ? { routeOf: proxies.routeOf } : {}) }
  return startNativeStack(folder, {
    network,
    restartDelayMsMax: RESTART_DELAY_MS_MAX,
    sequencers: isPair ? 2 : 1,
    witnesses: isPair ? WITNESSES_OF_A_PAIR : 0,
  })
}

async function clear({ namespaces, proxies, signerDisk }: Surroundings, folder: string): Promise<void> {
  await signerDisk?.unmount()
  await proxies?.close()
  await namespaces?.remove()
  rmSync(folder, { recursive: true, force: true })
}
