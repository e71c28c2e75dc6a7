import type { Command } from 'commander'
import {
  examineReceipt,
  parseReceipt,
  parseTlogProof,
  verifyReceipt,
  type Receipt,
  type ReceiptExamination,
  type ReceiptReason,
  type ReceiptVerdict,
} from '@careseal/ledger-core'
import { setTimeout as delay } from 'node:timers/promises'
import { accessToken, contextOf, type Context, type GlobalOptions } from '../context.js'
import { CliError, EXIT } from '../exit.js'
import { jsonOf, pathOf, refusalOf, request, requestJson } from '../http.js'
import { seconds } from '../number-option.js'
import { inputText } from '../terminal/input.js'
import type { Terminal } from '../terminal/terminal.js'
import { stateFolder } from '../trust/own-folders.js'
import { pinnedTrust } from '../trust/pinned-policy.js'
import { readVisit, visitFile, type Visit } from '../verify/last-visit.js'
import { PRIMITIVES } from '../verify/primitives.js'
import { trustOf, type TrustOptions } from '../verify/trust-options.js'
import { explanationOf, shownOf, shownText, subjectText } from './verdict-text.js'

type GetOptions = GlobalOptions & { as: string; wait: number; field?: string }
type VerifyOptions = GlobalOptions & TrustOptions & { memory?: string }

const GET_HELP = `
A place is what an answer's Location says: Observation/<id>/_history/<version>; or a line of a patient's access log:
Patient/<id>/accesses/<event id>, as /audit/patients/<id>/accesses shows it.

Examples:
  careseal receipt get Observation/<id>/_history/<version> --as patient-1 > receipt.json
  careseal receipt get Observation/<id> --as clinician
  careseal receipt get Observation/<id> --field /valueQuantity/value --as patient-1
  careseal receipt get Patient/<id>/accesses/<event id> --as patient-1`

const VERIFY_HELP = `
Needs no network and no service: only the receipt, and what you trust: a policy (--policy, or one that you pinned), or a
verifier key of the log. Without either it ends with 1 and says "unverified policy": all is checked but who signed.
Keys count by the size of the tree, as far as an earlier careseal verify of this log has read.

Exit codes: 0 verified, 1 unverified policy, 3 not verified.

Examples:
  careseal receipt verify receipt.json --vkey log.vkey
  careseal receipt verify receipt.json --policy policy.txt --json`

export function addReceiptCommands(program: Command, collect: (value: string, before: string[]) => string[]): void {
  const receipt = program.command('receipt').description('get and check proofs that a fact is on the ledger')
  receipt
    .command('get')
    .description('fetch the receipt of a record version, or of an event of the access log')
    .argument('<place>', 'Type/id/_history/version, Type/id for its present version, or Patient/id/accesses/event')
    .requiredOption(
      '--as <login>',
      'who asks; receipts are for whoever may read what they prove. A token in CARESEAL_TOKEN goes before',
    )
    .option(
      '--field <pointer>',
      'show this field of the version alone (a JSON Pointer); it proves nothing of the others',
    )
    .option('--wait <seconds>', 'how long to wait until it is sealed', seconds, 30)
    .option('--origin <url>', 'another ledger than the one on this machine')
    .addHelpText('after', GET_HELP)
    .action(runGet)
  receipt
    .command('verify')
    .description('check a receipt offline; exit 3 says what is wrong with it')
    .argument('<file>', 'the receipt, as receipt get prints it; - reads it from standard input')
    .option('--vkey <key-or-file>', 'a verifier key of the log that you trust; may be repeated', collect, [])
    .option('--policy <file>', 'a C2SP policy: logs, witnesses and the quorum that you trust')
    .option('--memory <file>', 'what careseal verify remembers of the log, instead of your own file for it')
    .addHelpText('after', VERIFY_HELP)
    .action(runVerify)
}

async function runGet(place: string, _options: unknown, command: Command): Promise<void> {
  const options = command.optsWithGlobals<GetOptions>()
  const context = contextOf(options)
  const { token } = await accessToken(context, options.as)
  const origin = context.origin()
  const url = withField(await receiptUrl(place, { origin, token }), options.field)
  const text = await untilSealed(url, token, { patienceMs: options.wait * 1000, note: context.terminal.note })
  context.terminal.data(text, jsonOf(pathOf(url), text))
}

async function receiptUrl(place: string, { origin, token }: { origin: string; token: string }): Promise<string> {
  const [, patientId, eventId] = /^Patient\/([^/]+)\/accesses\/([^/]+)$/.exec(place) ?? []
  if (eventId) return `${origin}/audit/patients/${patientId}/accesses/${eventId}/receipt`
  if (/^[A-Z][A-Za-z]+\/[^/]+\/_history\/[^/]+$/.test(place)) return `${origin}/fhir/${place}/$receipt`
  if (!/^[A-Z][A-Za-z]+\/[^/]+$/.test(place)) {
    throw new CliError(
      EXIT.usage,
      `${place} is no place: give Type/id/_history/version, Type/id or Patient/id/accesses/event`,
    )
  }
  const headers = { authorization: `Bearer ${token}` }
  const answer = await requestJson<{ meta?: { versionId?: unknown } } | null>(`${origin}/fhir/${place}`, { headers })
  const version = answer?.meta?.versionId
  if (typeof version === 'string') return `${origin}/fhir/${place}/_history/${version}/$receipt`
  throw new CliError(EXIT.failure, `${place} was answered without a version: is ${origin} the address of a ledger?`)
}

function withField(url: string, field: string | undefined): string {
  if (field === undefined) return url
  if (url.endsWith('/$receipt')) return `${url}?${new URLSearchParams({ field }).toString()}`
  throw new CliError(EXIT.usage, '--field is for a version of a record: an access has no fields')
}

type Patience = { patienceMs: number; note: (line: string) => void }

// A version that was stored a moment ago has no place on the ledger yet.
async function untilSealed(url: string, token: string, { patienceMs, note }: Patience): Promise<string> {
  const deadline = performance.now() + patienceMs
  for (let isFirst = true; ; isFirst = false) {
    const response = await request(url, { headers: { authorization: `Bearer ${token}` } })
    const text = await response.text()
    if (response.ok) return text
    const mayCome = response.status === 409 || response.status === 503
    if (!mayCome || performance.now() > deadline) {
      throw refusalOf('no receipt', response.status, text)
    }
    if (isFirst) note(`… it is not sealed yet: waiting, ${patienceMs / 1000} s at most`)
    await delay(300)
  }
}

async function runVerify(file: string, _options: unknown, command: Command): Promise<void> {
  const options = command.optsWithGlobals<VerifyOptions>()
  const context = contextOf(options)
  const receipt = await readReceipt(file)
  const note = noteOf(receipt)
  const trust = trustOf(options) ?? pinnedTrust(note)
  if (trust === null) return tellUnverified(context, receipt, await examineReceipt(receipt, PRIMITIVES))
  const keys = knownKeys(context, options.memory, note)
  tell(context, receipt, await verifyReceipt(receipt, { ...PRIMITIVES, ...trust, ...(keys ? { keys } : {}) }))
}

/** The checkpoint inside of a receipt; empty where there is none to be read. */
function noteOf({ proof }: Receipt): string {
  try {
    return parseTlogProof(proof).checkpoint
  } catch {
    return ''
  }
}

// What `verify` saw of this log tells which of its keys count for which sizes.
function knownKeys({ dataDirPath }: Context, memory: string | undefined, note: string) {
  const origin = note.split('\n')[0] ?? ''
  const files = [stateFolder(), dataDirPath].map((folder) => visitFile(folder, origin))
  const visits = memory === undefined ? files.map(readVisit) : [namedVisit(memory, note)]
  const newest = visits.filter((visit) => visit?.origin === origin).toSorted((a, b) => b!.size - a!.size)[0]
  return newest ? { known: newest.keys, upTo: newest.size } : null
}

// Without the memory that was meant, a key that has ended would count for ever.
function namedVisit(file: string, note: string): Visit | null {
  const visit = readVisit(file)
  const mend = 'name the file that careseal verify --memory wrote'
  if (visit === null) throw new CliError(EXIT.usage, `there is no ${file}: ${mend}`)
  if (note === '' || note.startsWith(`${visit.origin}\n`)) return visit
  throw new CliError(EXIT.usage, `${file} remembers another log (${visit.origin}): ${mend}`)
}

async function readReceipt(file: string): Promise<Receipt> {
  try {
    return parseReceipt(await inputText(file))
  } catch (error) {
    if (error instanceof CliError) throw error
    throw new CliError(EXIT.usage, `${file} is no receipt: it is not JSON`, { cause: error })
  }
}

function tellUnverified({ terminal }: Context, receipt: Receipt, examination: ReceiptExamination): void {
  if (!examination.ok) return tellRefused(terminal, examination)
  const { yellow } = terminal.colors
  const whole = `the receipt is whole in itself: ${subjectText(receipt, examination)}`
  const missing = 'whether that is a checkpoint of the ledger nobody whom you trust has said'
  const mend = 'give --policy FILE, or pin one: careseal policy pin FILE'
  const { type, index, checkpoint, body } = examination
  const { size, origin } = checkpoint
  terminal.data(`${yellow('unverified policy')}: ${whole}; ${missing}: ${mend}`, {
    ok: false,
    reason: 'unverified-policy',
    claims: { type, index, size, origin, body },
  })
  process.exitCode = EXIT.failure
}

function tellRefused({ colors, data }: Terminal, refused: { ok: false; reason: ReceiptReason }): void {
  data(`${colors.red('NOT verified')}: ${refused.reason}: ${explanationOf(refused.reason)}`, refused)
  process.exitCode = EXIT.verification
}

function tell({ terminal }: Context, receipt: Receipt, verdict: ReceiptVerdict): void {
  if (!verdict.ok) return tellRefused(terminal, verdict)
  const { type, body, index, checkpoint } = verdict
  const { size, origin, cosignatures } = checkpoint
  const { record } = receipt
  const cosigned = cosignatures.length === 0 ? 'no cosignature counted' : `${cosignatures.length} cosignatures`
  const subject = `${subjectText(receipt, verdict)}, ${cosigned}`
  const text = `${terminal.colors.green('verified')}: ${subject}${record ? `\n${shownText(record)}` : ''}`
  terminal.data(text, { ok: true, type, index, size, origin, cosignatures, body, ...(record ? shownOf(record) : {}) })
}
