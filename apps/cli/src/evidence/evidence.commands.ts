// `careseal evidence verify`: whether a file proves that a log's key signed two histories, offline and by itself.
import { hex, sha256 } from '@careseal/crypto'
import {
  formatVkey,
  Malformed,
  parseEvidence,
  policyOf,
  verifyEvidence,
  type Evidence,
  type EvidenceReason,
  type EvidenceVerdict,
} from '@careseal/ledger-core'
import type { Command } from 'commander'
import { contextOf, type GlobalOptions } from '../context.js'
import { CliError, EXIT } from '../exit.js'
import { inputText } from '../terminal/input.js'
import type { Terminal } from '../terminal/terminal.js'
import { PRIMITIVES } from '../verify/primitives.js'
import { trustOf, type TrustOptions } from '../verify/trust-options.js'

type VerifyOptions = GlobalOptions & TrustOptions

const HELP = `
Needs no network and no trust: the file holds two notes that one key signed. Whose key it is, you have to know;
with --vkey or --policy it must be one of yours.

Examples:
  curl -s https://witness.example/evidence/<id> > fork.json
  careseal evidence verify fork.json
  careseal evidence verify fork.json --policy policy.txt --json

Exit codes: 0 it proves misbehaviour, 2 it is no evidence file, 3 it proves nothing.`

export function addEvidenceCommands(program: Command, collect: (value: string, before: string[]) => string[]): void {
  const evidence = program.command('evidence').description('proofs that a log signed two histories')
  evidence
    .command('verify')
    .description('check evidence offline, and name the key that signed both histories')
    .argument('<file>', 'evidence of a fork, as a witness serves it; - for stdin')
    .option('--vkey <key-or-file>', 'the key must be this one; may be repeated', collect, [])
    .option('--policy <file>', 'the key must be that of a log of this C2SP policy')
    .addHelpText('after', HELP)
    .action(runVerify)
}

async function runVerify(file: string, _options: unknown, command: Command): Promise<void> {
  const options = command.optsWithGlobals<VerifyOptions>()
  const trust = trustOf(options)
  const evidence = await read(file)
  const verdict = await verifyEvidence(evidence, PRIMITIVES)
  const ours = trust && policyOf(sha256, trust).logs.map(({ vkey }) => formatVkey(vkey))
  // The whole key: another one with the same name and key ID is soon found.
  const isOurs = !verdict.proves || ours === null || ours.includes(evidence.logKey)
  tell(contextOf(options).terminal, evidence, isOurs ? verdict : { proves: false, reason: 'another-key' })
}

async function read(file: string): Promise<Evidence> {
  try {
    return parseEvidence(await inputText(file))
  } catch (error) {
    if (!(error instanceof Malformed)) throw error
    throw new CliError(EXIT.usage, `${file} is no evidence of a fork: ${error.message}`, { cause: error })
  }
}

type Reason = EvidenceReason | 'another-key'
type Verdict = Extract<EvidenceVerdict, { proves: true }> | { proves: false; reason: Reason }

function tell(terminal: Terminal, { logKey }: Evidence, verdict: Verdict): void {
  const { red, yellow } = terminal.colors
  if (!verdict.proves) {
    terminal.data(`${yellow('proves nothing')}: ${verdict.reason}: ${EXPLANATIONS[verdict.reason]}`, verdict)
    process.exitCode = EXIT.verification
    return
  }
  const { kind, key, origin } = verdict
  const checkpoints = verdict.checkpoints.map(({ size, root }) => ({ size, root: hex(root) }))
  const lines = checkpoints.map(({ size, root }) => `  size ${size}  root ${root}`)
  const how =
    kind === 'A' ? 'two roots of one size' : 'a newer tree that does not hold the older one (its own proof says so)'
  terminal.data(`${red('MISBEHAVIOUR PROVEN')}: the key ${logKey} signed ${how} for ${origin}\n${lines.join('\n')}`, {
    proves: true,
    kind,
    key,
    vkey: logKey,
    origin,
    checkpoints,
  })
}

const EXPLANATIONS: Record<Reason, string> = {
  'key-unreadable': 'its key is no Ed25519 vkey of a log',
  'not-signed-by-the-key': 'a note in it does not carry a good signature of its key',
  'checkpoint-unreadable': 'a note in it is no checkpoint',
  'origins-differ': 'its checkpoints are of two logs',
  'sizes-wrong': 'its checkpoints have not the sizes that its kind needs',
  'roots-agree': 'its checkpoints do not contradict one another',
  'proof-fails': 'its proof does not lead to the newer root',
  'another-key': 'its key is none of those that you named',
}
