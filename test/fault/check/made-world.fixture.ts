// A ledger, its services and their clients as a handful of values: does what it is told, without a fault, in order.
import type { Entry, OperationName, SeenCheckpoint } from '../load/history.js'
import type { BlockFact, PermitFact, ReadFact, VersionFact, WitnessedFact, WriteFact } from './facts.js'
import { LOG, QUORUM, signedNote, WITNESSES } from './made-notes.fixture.js'
import { entryHash, NaiveTree } from './naive.js'

type MadeFacts = {
  writes: WriteFact[]
  blocks: BlockFact[]
  entryHashes: string[]
  versions: VersionFact[]
  keys: Map<string, string[]>
  reads: ReadFact[]
  permits: PermitFact[]
  witnessed: WitnessedFact & { witnesses: { note: string | null; evidence: number }[] }
}

export const STEPS = [
  'create',
  'bundle',
  'update',
  'remove',
  'account',
  'grant',
  'revoke',
  'clinician-read',
  'own-read',
  'clinician-search',
  'foreign-read',
  'foreign-write',
  'checkpoint',
  'blocks',
] as const
export type Step = (typeof STEPS)[number]

const STEP_MS = 10
const ANSWER_MS = 5
const CLINICIAN = { actorId: 'clinician', clinician: 0 }
const REFUSED = { outcome: 'refused' as const, status: 404, versions: [] }

/** One patient with records, one clinician, one stranger; client 0 does everything. */
export class MadeWorld {
  readonly entries: Entry[] = []
  readonly facts: MadeFacts = {
    writes: [],
    blocks: [],
    entryHashes: [],
    versions: [],
    keys: new Map(),
    reads: [],
    permits: [],
    witnessed: { logVkeys: [LOG.vkey], quorum: QUORUM, witnesses: [], published: '' },
  }
  private readonly living: { resource: string; versions: string[] }[] = []
  private readonly pending: WriteFact[] = []
  private readonly lastSeq = new Map<string, number>()
  private consent: { resource: string; versionId: string } | null = null
  private counter = 0
  private now = 0

  constructor(steps: readonly Step[]) {
    for (const step of ['create', 'create', ...steps] as const) {
      this.now += STEP_MS
      this.steps[step]()
      this.seal()
    }
    const { note } = this.checkpoint()
    this.facts.witnessed.published = note
    this.facts.witnessed.witnesses = WITNESSES.map(({ name, vkey }) => ({ name, vkey, note, evidence: 0 }))
  }

  private readonly steps: Record<Step, () => void> = {
    create: () => this.write('create', [this.fresh()]),
    bundle: () => this.write('create-bundle', [this.fresh(), this.fresh()]),
    update: () => this.change('update'),
    remove: () => this.living.length > 2 && this.change('delete'),
    account: () => this.write('open-account', [this.event(`account/${this.id()}`, 'identity')]),
    grant: () => this.consent === null && this.grant(),
    revoke: () => this.consent !== null && this.revoke(),
    'clinician-read': () => this.read('read', CLINICIAN, [locationOf(this.living.at(-1)!)]),
    'own-read': () => this.read('read', { actorId: 'patient' }, [locationOf(this.living.at(-1)!)]),
    'clinician-search': () => this.read('search', CLINICIAN, this.living.slice(0, 2).map(locationOf)),
    'foreign-read': () => this.tell({ operation: 'foreign-read', ...REFUSED, actorId: 'stranger' }),
    'foreign-write': () => this.tell({ operation: 'foreign-write', ...REFUSED, actorId: 'stranger' }),
    checkpoint: () => this.tell({ operation: 'checkpoint', patientIndex: null, checkpoint: this.checkpoint() }),
    blocks: () => this.tell({ operation: 'blocks', patientIndex: null, blocks: this.facts.blocks.slice(-3).map(seen) }),
  }

  /** Adds an entry as client 0 writes it down. */
  tell(told: Partial<Entry> & { operation: OperationName }): Entry {
    const times = { startedAt: this.now, endedAt: this.now + ANSWER_MS }
    const usual = {
      n: this.entries.length,
      client: 0,
      patientIndex: 0,
      outcome: 'ok',
      status: 200,
      attempts: 1,
    } as const
    const entry: Entry = { ...usual, ...times, ...told }
    this.entries.push(entry)
    return entry
  }

  /** Records a disclosure as records does, under a permit as consent gives it. */
  disclose(actorId: string, interaction: string, versions: string[]): void {
    const [permitId, eventId] = [`permit-${this.id()}`, `event-${this.id()}`]
    this.facts.permits.push({ permitId, actorId, patientId: 'patient' })
    this.facts.reads.push({ eventId, actorId, interaction, patientId: 'patient', permitId, versions })
  }

  /** Stores a version with its event, and answers its location. */
  newVersion(resource: string, interaction: string): string {
    const location = `${resource}/_history/${this.id()}`
    const versionNo = this.facts.versions.filter((one) => one.location.startsWith(`${resource}/`)).length + 1
    this.facts.versions.push({ location, versionNo, interaction })
    return this.event(location, resource.startsWith('Consent') ? 'consent' : 'records')
  }

  /** Puts what has happened into a block. */
  seal(): void {
    const { blocks, entryHashes } = this.facts
    if (this.pending.length === 0) return
    const firstIndex = entryHashes.length
    const runs = [...Map.groupBy(this.pending, ({ producer }) => producer)]
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([producer, those]) => ({ producer, fromSeq: those[0]!.seq!, count: those.length, those }))
    for (const { those } of runs) entryHashes.push(...those.map(({ leafHash }) => leafHash))
    const height = blocks.length
    entryHashes.push(hashOf(`header ${height}`))
    const bare = runs.map(({ producer, fromSeq, count }) => ({ producer, fromSeq, count }))
    const place = { height, firstIndex, controls: 0, runs: bare, treeSize: entryHashes.length }
    blocks.push({ ...place, hash: hashOf(`block ${height}`), time: Math.floor(this.now / 100) })
    this.pending.length = 0
  }

  checkpoint(): SeenCheckpoint {
    const size = this.facts.blocks.at(-1)!.treeSize
    const root = new NaiveTree(this.facts.entryHashes).rootAt(size)
    return { size, root, note: this.cosigned({ size, root }) }
  }

  /** The checkpoint as the log signs it and these witnesses co-sign it, by default all of them now. */
  cosigned({ size, root }: Omit<SeenCheckpoint, 'note'>, time = this.now, by = WITNESSES): string {
    return signedNote({ size, root }, time, by)
  }

  private fresh(): string {
    return this.newVersion(`Observation/${this.id()}`, 'create')
  }

  private event(name: string, producer: string): string {
    const seq = (this.lastSeq.get(producer) ?? 0) + 1
    this.lastSeq.set(producer, seq)
    const fact = { name, type: 'Written', producer, seq, leafHash: hashOf(`leaf ${producer} ${seq}`) }
    this.facts.writes.push(fact)
    this.pending.push(fact)
    return name
  }

  private write(operation: OperationName, locations: string[]): void {
    const key = `key-${this.id()}`
    this.facts.keys.set(key, locations)
    for (const location of locations.filter((one) => one.startsWith('Observation'))) {
      const [resource = '', versionId = ''] = location.split('/_history/')
      this.living.push({ resource, versions: [versionId] })
    }
    this.tell({ operation, key, answers: [locations, locations], status: 201 })
  }

  private change(operation: 'update' | 'delete'): void {
    const record = this.living.at(-1)!
    const { resource } = record
    const basedOn = record.versions.at(-1)!
    const location = this.newVersion(resource, operation)
    const key = `key-${this.id()}`
    const locations = operation === 'delete' ? [] : [location]
    this.facts.keys.set(key, locations)
    this.tell({ operation, resource, basedOn, key, answers: [locations], status: operation === 'delete' ? 204 : 200 })
    if (operation === 'delete') this.living.pop()
    else record.versions.push(location.split('/_history/')[1]!)
  }

  private grant(): void {
    const resource = `Consent/${this.id()}`
    const location = this.newVersion(resource, 'create')
    this.consent = { resource, versionId: location.split('/_history/')[1]! }
    this.tell({ operation: 'grant', clinician: 0, answers: [[location]], status: 201 })
  }

  private revoke(): void {
    const { resource, versionId } = this.consent!
    const location = this.newVersion(resource, 'update')
    this.consent = null
    this.tell({ operation: 'revoke', clinician: 0, resource, basedOn: versionId, answers: [[location]] })
  }

  private read(operation: 'read' | 'search', reader: { actorId: string; clinician?: number }, found: string[]): void {
    const isShown = reader.clinician === undefined || this.consent !== null
    const refusal = operation === 'search' || isShown ? {} : REFUSED
    if (isShown) this.disclose(reader.actorId, operation, found)
    this.tell({ operation, ...reader, versions: isShown ? found : [], ...refusal })
  }

  private id(): string {
    this.counter += 1
    return `id-${this.counter}`
  }
}

const hashOf = (text: string): string => entryHash(Buffer.from(text)).toString('hex')

function locationOf({ resource, versions }: { resource: string; versions: string[] }): string {
  return `${resource}/_history/${versions.at(-1)}`
}

function seen({ height, hash, time }: BlockFact) {
  return { height, hash, time }
}
