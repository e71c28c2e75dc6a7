// What a start tells when all is ready: one JSON object on stdout, or a box for a person; the same as a file, by which
// a detached start knows.
import type { CaresealStack, DataDir } from '@careseal/stack'
import type { ImportSummary } from '../import/importer.js'
import { summaryJson } from '../import/report.js'
import { box, table } from '../terminal/box.js'
import { cosignedText, publicationOf, type Publication } from '../terminal/cosigned.js'
import type { Colors } from '../terminal/terminal.js'

export type Ready = {
  origin: string
  dataDir: string
  pid: number
  logins: { name: string; role: string }[]
  nats: string
  postgres: string
  witnesses: { name: string; url: string }[]
  /** What to give to `careseal verify --policy`; null where nobody co-signs. */
  policyFile: string | null
  publication: Publication | null
  /** Bundles of the folder that were refused, without their names: those are for the terminal alone. */
  refused: { number: number; hash: string; reason: string }[]
}

const FILE = 'ready.json'

export async function readyOf(stack: CaresealStack, imported: ImportSummary | null): Promise<Ready> {
  const { origin, dataDir, pid, nats, postgres, policyFile, ...state } = stack.state()
  const logins = state.logins.map(({ name, role }) => ({ name, role }))
  const witnesses = state.witnesses.map(({ name, url }) => ({ name, url }))
  const publication = await publicationOf(origin)
  const refused = imported ? summaryJson(imported).refused : []
  return { origin, dataDir, pid, logins, nats, postgres, witnesses, policyFile, publication, refused }
}

export function writeReady(dataDir: DataDir, ready: Ready): void {
  dataDir.writeJson(FILE, ready)
}

export function readReady(dataDir: DataDir): Ready | null {
  return dataDir.readJson<Ready>(FILE)
}

export function removeReady(dataDir: DataDir): void {
  dataDir.remove(FILE)
}

/** The box that a person sees: where everything is, who can log in, what to try next. */
export function readyBox({ bold, cyan, dim }: Colors, ready: Ready): string {
  const first = ready.logins.find(({ name }) => name.startsWith('patient'))?.name ?? ready.logins[0]?.name ?? 'operator'
  const places = table([
    ['FHIR', cyan(`${ready.origin}/fhir`)],
    ['Ledger', cyan(`${ready.origin}/ledger/checkpoint`)],
    ...(ready.publication ? [['Co-signed', cosignedText(ready.publication, Date.now())]] : []),
    ['API docs', cyan(`${ready.origin}/docs`)],
    ['NATS', dim(ready.nats)],
    ['Data', dim(ready.dataDir)],
  ])
  const logins = ready.logins.map(({ name, role }) => [name, dim(role)])
  const next = table([
    [`npx careseal token --as ${first}`, dim('a bearer token')],
    [`npx careseal verify${policyOption(ready)}`, dim('check every hash and signature')],
    ['npx careseal tail', dim('watch events as they are published')],
    ['npx careseal demo tamper', dim('change one stored byte, then verify again')],
  ])
  const lines = [...places, '', bold('Logins'), ...table(logins), '', bold('Try next'), ...next]
  return box('Careseal is ready', lines)
}

// A path that a shell takes as it is; else the file is named beside the data.
function policyOption({ policyFile }: Ready): string {
  return policyFile !== null && /^[\w./-]+$/.test(policyFile) ? ` --policy ${policyFile}` : ''
}
