// Whether a checkpoint bears the quorum of a policy (C2SP tlog-policy), told once more by plain code of its own.
import { isCosigned } from './naive-note.js'
import { Check } from './report.js'

type Lines = readonly string[][]

/** `policy` is the text of a policy file. A policy without a quorum has nothing to look at. */
export function quorumCheck(notes: readonly string[], policy: string): Check {
  const check = new Check('the published checkpoint bears the quorum of its witnesses', ['I18'])
  const lines = policy.split('\n').map((line) => line.split(/[ \t]+/).filter((field) => field !== ''))
  const quorum = lines.find(([keyword]) => keyword === 'quorum')?.[1] ?? 'none'
  if (quorum === 'none') return check
  for (const note of notes) {
    check.checked += 1
    const cosigned = witnessesIn(lines).filter(([, vkey]) => isCosigned(note, vkey))
    const names = new Set(cosigned.map(([name]) => name))
    const what = `of its witnesses ${names.size === 0 ? 'none' : `only ${[...names].join(', ')}`} co-signed it`
    check.expect(holds(lines, quorum, names), () => ({ invariant: 'I18', what, where: placeOf(note) }))
  }
  return check
}

/** The keys of the logs that a policy names. */
export function policyLogs(policy: string): string[] {
  return policy.split('\n').flatMap((line) => /^\s*log[ \t]+(\S+)/.exec(line)?.[1] ?? [])
}

function witnessesIn(lines: Lines): [name: string, vkey: string][] {
  return lines.filter(([keyword]) => keyword === 'witness').map(([, name = '', vkey = '']) => [name, vkey])
}

// A group names only what stands above it, so this ends.
function holds(lines: Lines, name: string, cosigned: ReadonlySet<string>): boolean {
  const at = lines.findIndex(([keyword, own]) => keyword === 'group' && own === name)
  if (at === -1) return cosigned.has(name)
  const [, , asked = '', ...members] = lines[at]!
  const threshold = asked === 'all' ? members.length : asked === 'any' ? 1 : Number(asked)
  return members.filter((member) => holds(lines.slice(0, at), member, cosigned)).length >= threshold
}

function placeOf(note: string): string {
  return `checkpoint ${note.split('\n')[1]}`
}
