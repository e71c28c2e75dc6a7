// Whatever the services do that outlives them stands inside a named step, so that no crash there goes untried.
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { DURABLE_STEPS } from '@careseal/durable-step'
import { describe, expect, it } from 'vitest'

const REPOSITORY = join(import.meta.dirname, '..', '..')
const SERVICES =
  /^(apps\/(identity|consent|records|audit|ledger-sequencer|witness)|libs\/(cosigner|event-store|nest-event-store|keys))\/src\//

/** What makes something durable: a COMMIT, an fsync, a name in a folder, a write outside of any transaction. */
const DURABLE = [
  /\.query\(\s*['"`]COMMIT/g,
  /\.commitTransaction\(/g,
  /\.(sync|datasync)\(\)/g,
  /(?<![\w.$])(rename|link)\(/g,
  /\b(keeper|writer)\.query\((?!\s*['"`]\s*(SELECT|BEGIN|SET))/g,
  /\b(pool|database|dataSource)\.query(<[^(]*>)?\(\s*(\{[^}]*?text:\s*)?['"`]\s*(INSERT|UPDATE|DELETE|WITH)/g,
]

/** Durable without a name, and why nothing has to be struck there. Each must still be in the code. */
const EXCEPTIONS: Record<string, string> = {
  'apps/ledger-sequencer/src/lease/lease.ts: keeper.query(':
    'questions and the ending of backends; the renewal changes nothing but a time, and is done again',
  'apps/ledger-sequencer/src/signer/signer.ts: .sync()': 'through the folder, whose own fsync has a name',
}

type Found = { file: string; operation: string; named: boolean }

describe('durable steps', () => {
  const sources = filesOf(REPOSITORY)

  it('are named wherever something becomes durable', () => {
    const found = sources.flatMap((file) => operationsIn(file, readFileSync(join(REPOSITORY, file), 'utf8')))
    const nameless = found.filter(({ named }) => !named).map(({ file, operation }) => `${file}: ${operation}`)
    expect([...new Set(nameless)].toSorted()).toEqual(Object.keys(EXCEPTIONS).toSorted())
    expect(found.filter(({ named }) => named).length).toBeGreaterThan(8)
  })

  it('are all in the list, and the list names none that is not in the code', () => {
    const used = sources.flatMap((file) => namesIn(readFileSync(join(REPOSITORY, file), 'utf8')))
    expect([...new Set(used)].toSorted()).toEqual([...DURABLE_STEPS].toSorted())
  })

  it.each([
    "await client.query('COMMIT')",
    'await runner.commitTransaction()',
    'await file.sync()',
    'await rename(next, path)',
    "await pool.query('DELETE FROM outbox')",
    'await writer.query(APPEND, values)',
  ])('would miss a name around %s', (text) => {
    expect(operationsIn('a.ts', text)).toMatchObject([{ named: false }])
    expect(operationsIn('a.ts', `await durableStep('x.y', () => ${text.slice(6)})`)).toMatchObject([{ named: true }])
  })
})

function isCode(file: string): boolean {
  return SERVICES.test(file) && file.endsWith('.ts') && !/\.(spec|fixture)\.ts$/.test(file)
}

function filesOf(folder: string): string[] {
  const listed = execFileSync('git', ['ls-files', '-co', '--exclude-standard'], { cwd: folder, encoding: 'utf8' })
  return listed
    .split('\n')
    .filter((file) => isCode(file) && !file.includes('/testing/') && existsSync(join(folder, file)))
}

function operationsIn(file: string, text: string): Found[] {
  const code = withoutComments(text)
  const spans = stepSpans(code)
  return DURABLE.flatMap((pattern) =>
    [...code.matchAll(pattern)].map((match) => {
      const named = spans.some(([from, to]) => from <= match.index && match.index < to)
      return { file, operation: match[0].split('\n')[0] as string, named }
    }),
  )
}

function withoutComments(text: string): string {
  return text.replaceAll(/^\s*(\/\/|\*|\/\*\*).*$/gm, '')
}

// A function that is named here alone may stand further down in the file: then the call of it is what has the name.
function stepSpans(code: string): [number, number][] {
  const calls = [...code.matchAll(/durableStep\(/g)].map((match) => span(code, match.index + match[0].length, '()'))
  const helpers = calls.flatMap(([from, to]) => {
    const helper = /=>\s*(\w+)\([^]*\)\s*$/.exec(code.slice(from, to - 1))?.[1]
    const at = helper ? code.search(new RegExp(`function ${helper}\\b`)) : -1
    return at < 0 ? [] : [span(code, code.indexOf('{\n', at) + 1, '{}')]
  })
  return [...calls, ...helpers]
}

function span(code: string, start: number, [open, close]: string): [number, number] {
  let depth = 1
  let at = start
  for (; depth > 0 && at < code.length; at++) depth += code[at] === open ? 1 : code[at] === close ? -1 : 0
  return [start, at]
}

function namesIn(text: string): string[] {
  const code = withoutComments(text)
  const names = code.matchAll(
    /'((?:transaction|append|decision|release|projection|relay|seals|block|checkpoint|lease|signer)\.[a-z-]+)'/g,
  )
  return [...names].map((match) => match[1] as string)
}
