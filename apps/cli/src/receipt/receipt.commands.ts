import { InvalidArgumentError, type Command } from 'commander'
import { parseReceipt, verifyReceipt, type Receipt, type ReceiptVerdict } from '@careseal/ledger-core'
import { setTimeout as delay } from 'node:timers/promises'
import { accessToken, contextOf, type Context, type GlobalOptions } from '../context.js'
import { CliError, EXIT } from '../exit.js'
import { reasonOf, request } from '../http.js'
import { fetchVkeys } from '../verify/ledger-client.js'
import { PRIMITIVES } from '../verify/primitives.js'
import { readText, trustOf, type TrustOptions } from '../verify/trust-options.js'
import { explanationOf, shownOf, shownText } from './verdict-text.js'

type GetOptions = GlobalOptions & { as: string; wait: number; field?: string }
type VerifyOptions = GlobalOptions & TrustOptions

const GET_HELP = `
A place is what an answer's Location says: Observation/<id>/_history/<version>; or a line of a patient's access log:
Patient/<id>/accesses/<event id>, as /audit/patients/<id>/accesses shows it.

Examples:
  careseal receipt get Observation/<id>/_history/<version> --as patient-1 > receipt.json
  careseal receipt get Observation/<id> --as clinician
  careseal receipt get Observation/<id> --field /valueQuantity/value --as patient-1
  careseal receipt get Patient/<id>/accesses/<event id> --as patient-1`

const VERIFY_HELP = `
Needs no network and no service: only the receipt and a key of the log that you trust.

Examples:
  careseal receipt verify receipt.json --vkey log.vkey
  careseal receipt verify receipt.json --policy policy.txt --json`

export function addReceiptCommands(program: Command, collect: (value: string, before: string[]) => string[]): void {
  const receipt = program.command('receipt').description('get and check proofs that a fact is on the ledger')
  receipt
    .command('get')
    .description('fetch the receipt of a record version, or of an event of the access log')
    .argument('<place>', 'Type/id/_history/version, Type/id for its present version, or Patient/id/accesses/event')
    .requiredOption('--as <login>', 'who asks; receipts are for whoever may read what they prove')
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
    .argument('<file>', 'the receipt, as receipt get prints it')
    .option('--vkey <key-or-file>', 'a verifier key of the log that you trust; may be repeated', collect, [])
    .option('--policy <file>', 'a C2SP policy: logs, witnesses and the quorum that you trust')
    .addHelpText('after', VERIFY_HELP)
    .action(runVerify)
}

async function runGet(place: string, _options: unknown, command: Command): Promise<void> {
  const options = command.optsWithGlobals<GetOptions>()
  const context = contextOf(options)
  const { token } = await accessToken(context, options.as)
  const origin = context.origin()
  const url = withField(await receiptUrl(place, { origin, token }), options.field)
  const text = await untilSealed(url, token, options.wait * 1000)
  context.terminal.data(text, JSON.parse(text))
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
  const response = await request(`${origin}/fhir/${place}`, { headers: { authorization: `Bearer ${token}` } })
  const text = await response.text()
  if (!response.ok) throw new CliError(EXIT.failure, `${place}: ${reasonOf(response.status, text)}`)
  const { meta } = JSON.parse(text) as { meta?: { versionId?: string } }
  return `${origin}/fhir/${place}/_history/${meta?.versionId ?? ''}/$receipt`
}

function withField(url: string, field: string | undefined): string {
  if (field === undefined) return url
  if (url.endsWith('/$receipt')) return `${url}?${new URLSearchParams({ field }).toString()}`
  throw new CliError(EXIT.usage, '--field is for a version of a record: an access has no fields')
}

function seconds(text: string): number {
  const number = Number(text)
  if (Number.isFinite(number) && number >= 0) return number
  throw new InvalidArgumentError('must be a number of seconds')
}

// A version that was stored a moment ago has no place on the ledger yet.
async function untilSealed(url: string, token: string, patienceMs: number): Promise<string> {
  const deadline = performance.now() + patienceMs
  for (;;) {
    const response = await request(url, { headers: { authorization: `Bearer ${token}` } })
    const text = await response.text()
    if (response.ok) return text
    const mayCome = response.status === 409 || response.status === 503
    if (!mayCome || performance.now() > deadline) {
      throw new CliError(EXIT.failure, `no receipt: ${reasonOf(response.status, text)}`)
    }
    await delay(300)
  }
}

async function runVerify(file: string, _options: unknown, command: Command): Promise<void> {
  const options = command.optsWithGlobals<VerifyOptions>()
  const context = contextOf(options)
  const receipt = readReceipt(file)
  const trust = trustOf(options) ?? { logVkeys: await ownKeys(context) }
  tell(context, receipt, await verifyReceipt(receipt, { ...PRIMITIVES, ...trust }))
}

function readReceipt(file: string): Receipt {
  try {
    return parseReceipt(readText(file === '-' ? '/dev/stdin' : file))
  } catch (error) {
    if (error instanceof CliError) throw error
    throw new CliError(EXIT.usage, `${file} is no receipt: it is not JSON`, { cause: error })
  }
}

async function ownKeys(context: Context): Promise<string[]> {
  try {
    const origin = context.origin()
    context.terminal.note('no --vkey and no --policy: the ledger on this machine is asked for its key, and believed')
    return await fetchVkeys(origin)
  } catch (error) {
    throw new CliError(EXIT.usage, 'give --vkey or --policy: no ledger runs here that could be asked for its key', {
      cause: error,
    })
  }
}

function tell({ terminal }: Context, receipt: Receipt, verdict: ReceiptVerdict): void {
  const { green, red } = terminal.colors
  if (!verdict.ok) {
    terminal.data(`${red('NOT verified')}: ${verdict.reason}: ${explanationOf(verdict.reason)}`, verdict)
    process.exitCode = EXIT.verification
    return
  }
  const { type, body, index, checkpoint } = verdict
  const { size, origin, cosignatures } = checkpoint
  const { record } = receipt
  const of = record ? ` of ${record.type}/${record.id}/_history/${record.versionId}` : ''
  const place = `entry ${index} under the checkpoint of size ${size} of ${origin}, ${cosignatures.length} cosignatures`
  const text = `${green('verified')}: ${type}${of}, ${body.time}; ${place}${record ? `\n${shownText(record)}` : ''}`
  terminal.data(text, { ok: true, type, index, size, origin, cosignatures, body, ...(record ? shownOf(record) : {}) })
}
