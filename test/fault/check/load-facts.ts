// Reads the facts by plain SQL with a superuser's rights, from every service's own tables and the ledger's.
import { Client } from 'pg'
import type { BlockFact, Facts, PermitFact, ReadFact, Run, VersionFact, WitnessedFact, WriteFact } from './facts.js'
import { entryHash, leafEntry, sha256 } from './naive.js'

const PAGE = 5_000
const LEAF_BYTES = 64
const HASH_BYTES = 32

/** Call it when nothing waits any more. */
export async function loadFacts(databaseUrl: string, witnessed: WitnessedFact | null = null): Promise<Facts> {
  const sql = new Client({ connectionString: databaseUrl })
  sql.on('error', () => {})
  await sql.connect()
  try {
    return { ...(await factsOf(sql)), witnessed }
  } finally {
    await sql.end()
  }
}

async function factsOf(sql: Client): Promise<Omit<Facts, 'witnessed'>> {
  const writes: WriteFact[] = []
  const reads: ReadFact[] = []
  const permits: PermitFact[] = []
  for (const schema of ['identity', 'consent', 'records']) {
    for await (const event of events(sql, schema)) {
      const name = writeName(event.body)
      if (name !== undefined) writes.push(writeFact(name, event))
      if (event.body.type === 'RecordRead') reads.push(readFact(event.body))
      if (event.body.type === 'AccessPermitted' && event.body.data['action'] === 'read') {
        permits.push(permitFact(event.body.data))
      }
    }
  }
  return { writes, reads, permits, ...(await ledger(sql)), versions: await versions(sql), keys: await keys(sql) }
}

type Data = Record<string, unknown>
type EventBody = { id: string; type: string; data: Data }
type EventRow = {
  pk: string
  body: Buffer
  producer: string | null
  seq: string | null
  tag: Buffer | null
  commitment: Buffer | null
}
type StoredEvent = Omit<EventRow, 'body'> & { body: EventBody }

async function* events(sql: Client, schema: string): AsyncGenerator<StoredEvent> {
  for (let after = '0'; ;) {
    const { rows } = await sql.query<EventRow>(
      `SELECT e.pk, e.body, n.producer, n.seq, n.tag, n.commitment
       FROM (SELECT pk, body FROM ${schema}.event WHERE pk > $1 ORDER BY pk LIMIT ${PAGE}) e
       LEFT JOIN ${schema}.outbox_numbered n ON n.event_pk = e.pk ORDER BY e.pk`,
      [after],
    )
    for (const row of rows) yield { ...row, body: JSON.parse(row.body.toString('utf8')) as EventBody }
    const last = rows.at(-1)
    if (!last) return
    after = last.pk
  }
}

const ACCOUNT_EVENTS = ['PractitionerRegistered', 'PatientAccountOpened', 'StaffAccountOpened']

function writeName({ type, data }: EventBody): string | undefined {
  if (type === 'RecordVersionAdded' || type === 'RecordDeleted') {
    return `${String(data['type'])}/${String(data['id'])}/_history/${String(data['versionId'])}`
  }
  if (type === 'ConsentGranted' || type === 'ConsentRevoked') {
    return `Consent/${String(data['consentId'])}/_history/${String(data['versionId'])}`
  }
  return ACCOUNT_EVENTS.includes(type) ? `account/${String(data['accountId'])}` : undefined
}

function writeFact(name: string, { body, producer, seq, tag, commitment }: StoredEvent): WriteFact {
  const { type } = body
  if (producer === null || seq === null || !tag || !commitment) {
    return { name, type, producer: producer ?? '', seq: null, leafHash: '' }
  }
  const entry = leafEntry({
    producer,
    seq: Number(seq),
    tag: tag.toString('hex'),
    commitment: commitment.toString('hex'),
  })
  return { name, type, producer, seq: Number(seq), leafHash: entryHash(entry).toString('hex') }
}

function readFact({ id, data }: EventBody): ReadFact {
  const versions = data['versions'] as { type: string; id: string; versionId: string }[]
  return {
    eventId: id,
    actorId: String(data['actorId']),
    interaction: String(data['interaction']),
    patientId: (data['patientId'] as string | undefined) ?? null,
    permitId: (data['permitId'] as string | undefined) ?? null,
    versions: versions.map((one) => `${one.type}/${one.id}/_history/${one.versionId}`),
  }
}

function permitFact(data: Data): PermitFact {
  return {
    permitId: String(data['permitId']),
    actorId: String(data['actorId']),
    patientId: String(data['patientId']),
  }
}

type BlockRow = { height: string; header: Buffer; controls: Buffer[]; leaves: Buffer }

async function ledger(sql: Client): Promise<Pick<Facts, 'blocks' | 'entryHashes'>> {
  const blocks: BlockFact[] = []
  const entryHashes: string[] = []
  for (let after = '-1'; ;) {
    const { rows } = await sql.query<BlockRow>(
      `SELECT height, header, controls, leaves FROM ledger.block WHERE height > $1 ORDER BY height LIMIT 500`,
      [after],
    )
    for (const row of rows) {
      const block = blockFact(row)
      for (const entry of entriesOf(row, block.runs)) entryHashes.push(entryHash(entry).toString('hex'))
      blocks.push(block)
    }
    const last = rows.at(-1)
    if (!last) return { blocks, entryHashes }
    after = last.height
  }
}

function blockFact({ height, header, controls }: BlockRow): BlockFact {
  const { block } = JSON.parse(header.toString('utf8')) as {
    block: { firstIndex: number; count: number; time: number; runs: Run[] }
  }
  const { firstIndex, count, time, runs } = block
  const hash = sha256(header).toString('hex')
  return {
    height: Number(height),
    hash,
    time,
    firstIndex,
    controls: controls.length,
    runs,
    treeSize: firstIndex + count + 1,
  }
}

function entriesOf({ header, controls, leaves }: BlockRow, runs: readonly Run[]): Buffer[] {
  const places = runs.flatMap(({ producer, fromSeq, count }) =>
    Array.from({ length: count }, (_, i) => ({ producer, seq: fromSeq + i })),
  )
  const made = places.map((place, i) => {
    const leaf = leaves.subarray(i * LEAF_BYTES, (i + 1) * LEAF_BYTES)
    const [tag, commitment] = [leaf.subarray(0, HASH_BYTES), leaf.subarray(HASH_BYTES)]
    return leafEntry({ ...place, tag: tag.toString('hex'), commitment: commitment.toString('hex') })
  })
  return [...controls, ...made, header]
}

async function versions(sql: Client): Promise<VersionFact[]> {
  const { rows } = await sql.query<VersionFact>(
    `SELECT type || '/' || id || '/_history/' || version_id AS location, version_no AS "versionNo", interaction
     FROM records.version
     UNION ALL
     SELECT 'Consent/' || consent_id || '/_history/' || version_id, ordinal,
            CASE WHEN ordinal = 1 THEN 'create' ELSE 'update' END
     FROM consent.consent_version`,
  )
  return rows
}

async function keys(sql: Client): Promise<Map<string, string[]>> {
  const found = new Map<string, string[]>()
  for (const schema of ['identity', 'consent', 'records']) {
    const { rows } = await sql.query<{ key: string; answers: { location?: string }[] | null }>(
      `SELECT key, answers FROM ${schema}.idempotency`,
    )
    for (const { key, answers } of rows) {
      found.set(
        key,
        (answers ?? []).flatMap(({ location }) => (location === undefined ? [] : [nameOf(location)])),
      )
    }
  }
  return found
}

/** A location of any base, or of an account, as it is named here. */
function nameOf(location: string): string {
  const parts = location.split('/')
  return location.includes('/_history/') ? parts.slice(-4).join('/') : `account/${parts.at(-1)}`
}
