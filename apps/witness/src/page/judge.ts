// What the verifier page says of a text that somebody pastes: what it is, whether it holds, and whose policy was asked.
// It believes nobody by itself: without a policy no signature counts, but for evidence, which brings its own key.
import { hex, utf8 } from '@careseal/crypto/portable'
import {
  CheckpointRefused,
  formatVkey,
  Malformed,
  parseEvidence,
  parsePolicy,
  parseReceipt,
  parseTlogProof,
  policyOf,
  verifyCheckpoint,
  verifyEvidence,
  verifyReceipt,
  type Policy,
  type TrustedCheckpoint,
  type VerifyReceiptOptions,
} from '@careseal/ledger-core'
import { leafHash, verifyInclusion } from '@careseal/merkle'

/** `good`: it holds. `bad`: it does not. `open`: nothing can be said without more. */
export type Finding = { tone: 'good' | 'bad' | 'open'; title: string; lines: string[] }

export type PagePrimitives = Pick<VerifyReceiptOptions, 'sha256' | 'verifyEd25519' | 'hmacSha256'>

/** `policy` is a C2SP policy, or vkeys of logs, one a line; `entry` are the bytes that a bare proof is about. */
export type Pasted = { item: string; policy: string; entry: string }

const NO_POLICY =
  'No policy was given, so no signature was believed: paste the policy that YOU trust, not one that came with the item.'

export async function judge({ item, policy: trusted, entry }: Pasted, primitives: PagePrimitives): Promise<Finding> {
  try {
    const policy = policyIn(trusted, primitives)
    if (item.startsWith('{')) return await judgeJson(item, policy, primitives)
    if (item.startsWith('c2sp.org/tlog-proof@')) return await judgeProof(item, { policy, entry, primitives })
    return policy ? believed(await verifyCheckpoint(item, { policy }, primitives), policy) : open('A checkpoint')
  } catch (error) {
    if (error instanceof CheckpointRefused) return bad('Not believed', `The checkpoint is refused: ${error.code}.`)
    if (error instanceof Malformed) return bad('Not readable', `${error.message}.`)
    throw error
  }
}

function policyIn(text: string, { sha256 }: PagePrimitives): Policy | null {
  const lines = text.split('\n').filter((line) => line.trim() !== '' && !line.startsWith('#'))
  if (lines.length === 0) return null
  const isKeys = lines.every((line) => /^[^\s+]+\+[0-9a-f]{8}\+\S+$/.test(line.trim()))
  return isKeys ? policyOf(sha256, { logVkeys: lines.map((line) => line.trim()) }) : parsePolicy(sha256, text)
}

function judgeJson(item: string, policy: Policy | null, primitives: PagePrimitives): Promise<Finding> {
  return item.includes('"careseal/fork-evidence@')
    ? judgeEvidence(item, policy, primitives)
    : judgeReceipt(item, policy, primitives)
}

async function judgeEvidence(item: string, policy: Policy | null, primitives: PagePrimitives): Promise<Finding> {
  const evidence = parseEvidence(item)
  const verdict = await verifyEvidence(evidence, primitives)
  if (!verdict.proves) return bad('This proves nothing', `Reason: ${verdict.reason}.`)
  const { origin, checkpoints } = verdict
  // The whole key: another one with the same name and key ID is soon found.
  const isTrusted = policy?.logs.some(({ vkey }) => formatVkey(vkey) === evidence.logKey)
  const whose =
    isTrusted === undefined
      ? 'Whose key that is, the file cannot tell: compare it with the key that you know.'
      : `It is ${isTrusted ? 'a log of your policy' : 'NO log of your policy'}.`
  const trees = checkpoints.map(({ size, root }) => `size ${size}, root ${hex(root)}`)
  const title = 'Misbehaviour proven: one key signed two histories'
  return { tone: 'good', title, lines: [`Key: ${evidence.logKey}`, `Log: ${origin}`, ...trees, whose] }
}

async function judgeReceipt(item: string, policy: Policy | null, primitives: PagePrimitives): Promise<Finding> {
  const receipt = readReceipt(item)
  if (policy === null) return open('A receipt')
  const verdict = await verifyReceipt(receipt, { policy, ...primitives })
  if (!verdict.ok) return bad('The receipt does not hold', `Reason: ${verdict.reason}.`)
  const { type, body, index, checkpoint } = verdict
  const event = body ? `Event: ${type} of ${body.time}` : 'The receipt does not open its event: only its leaf stands.'
  const lines = [event, `It stands at entry ${index}.`, ...linesOf(checkpoint, policy)]
  return { tone: 'good', title: 'The receipt holds', lines }
}

function readReceipt(item: string) {
  try {
    return parseReceipt(item)
  } catch {
    throw new Malformed('this begins like JSON, and is none')
  }
}

async function judgeProof(
  item: string,
  { policy, entry, primitives }: { policy: Policy | null; entry: string; primitives: PagePrimitives },
): Promise<Finding> {
  const { index, proof, checkpoint: note } = parseTlogProof(item)
  if (policy === null) return open('A proof')
  const checkpoint = await verifyCheckpoint(note, { policy }, primitives)
  const lines = linesOf(checkpoint, policy)
  if (entry === '') return { ...open('A proof of an entry'), lines: ['Paste the entry that it is about.', ...lines] }
  const { size, root } = checkpoint
  const { sha256 } = primitives
  const stands = verifyInclusion(sha256, { index, size, leafHash: leafHash(sha256, utf8(entry)), proof, root })
  if (!stands) return bad('The proof does not hold', `The entry does not stand at ${index} under this checkpoint.`)
  return { tone: 'good', title: `The entry stands at ${index}`, lines }
}

function believed(checkpoint: TrustedCheckpoint, policy: Policy): Finding {
  return { tone: 'good', title: 'The checkpoint is believed', lines: linesOf(checkpoint, policy) }
}

function linesOf({ origin, size, logKey, cosignatures }: TrustedCheckpoint, policy: Policy): string[] {
  const by = cosignatures.map(({ witness, timestamp }) => `${witness} at ${new Date(timestamp * 1000).toISOString()}`)
  const quorum =
    policy.quorum === null ? 'no witness' : `the quorum ${policy.quorum} of ${policy.witnesses.length} witnesses`
  return [
    `Log: ${origin}, size ${size}, signed by ${logKey}`,
    by.length === 0 ? 'No witness of your policy co-signed it.' : `Co-signed by ${by.join(', ')}`,
    `Policy: yours, as pasted; it asks for ${quorum}.`,
  ]
}

function bad(title: string, line: string): Finding {
  return { tone: 'bad', title, lines: [line] }
}

function open(what: string): Finding {
  return { tone: 'open', title: `${what}: not verified yet`, lines: [NO_POLICY] }
}
